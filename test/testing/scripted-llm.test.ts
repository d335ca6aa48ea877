import { afterEach, expect, it } from 'vitest';
import { ScriptedLlm, type Script } from '../../src/testing/scripted-llm.js';
import { textOf } from '../support/message-text.js';

let llm: ScriptedLlm | undefined;
afterEach(() => llm?.close());

async function post(script: Script, body: string): Promise<{ status: number; body: unknown }> {
  llm = await ScriptedLlm.start(script);
  const response = await fetch(`${llm.baseUrl}/chat/completions`, { method: 'POST', body });
  return { status: response.status, body: await response.json() };
}

const request = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'q' }] });

it('lets a function answer from the request', async () => {
  const { body } = await post(
    ({ body: { messages } }, index) => ({ reply: `${textOf(messages[0])}${index}` }),
    request,
  );
  expect(body).toMatchObject({
    object: 'chat.completion',
    choices: [{ message: { role: 'assistant', content: 'q0' }, finish_reason: 'stop' }],
  });
});

it.each([
  ['a script that is over', [], request, 'no step for request 1'],
  ['a request that is no JSON', [{ reply: 'a' }], '{', 'the script failed'],
])('answers 400 on %s', async (_name, script, sent, message) => {
  const { status, body } = await post(script, sent);
  expect(status).toBe(400);
  expect(body).toMatchObject({ error: { message: expect.stringContaining(message) as string } });
});

it('answers 400 when a script function throws', async () => {
  const script = (): never => {
    throw new Error('unexpected question');
  };
  expect(await post(script, request)).toMatchObject({
    status: 400,
    body: { error: { message: expect.stringContaining('unexpected question') as string } },
  });
});
