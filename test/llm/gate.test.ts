/** Requests pass the gate one by one, those tried again too, and it hears what became of each. */
import { afterEach, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import type { CompletionRequest } from '../../src/llm/client.js';
import type { RequestGate, RequestOutcome } from '../../src/llm/gate.js';
import { OpenAiClient } from '../../src/llm/openai.js';
import { ScriptedLlm, type Script } from '../../src/testing/scripted-llm.js';
import { FakeTiming } from './fake-timing.js';

const messages = [{ role: 'user' as const, content: 'q' }];
let llm: ScriptedLlm | undefined;
afterEach(() => llm?.close());

class Watch implements RequestGate {
  readonly seen: string[] = [];

  constructor(private readonly most = Infinity) {}

  enter(request: CompletionRequest): Promise<void> {
    if (this.seen.filter((each) => each === 'in').length >= this.most) {
      return Promise.reject(new FungiError('BUDGET_REACHED', 'enough'));
    }
    expect(request.messages).toEqual(messages);
    this.seen.push('in');
    return Promise.resolve();
  }

  leave(outcome: RequestOutcome): void {
    this.seen.push(outcome.kind === 'reply' ? `reply ${outcome.usage?.promptTokens ?? 'untold'}` : outcome.kind);
  }
}

/** @param attemptTimeoutMs of the clock: short only where an attempt is to run out of it */
async function ask(script: Script, gate: Watch, attemptTimeoutMs = 10_000): Promise<unknown> {
  llm = await ScriptedLlm.start(script);
  const options = { baseUrl: llm.baseUrl, model: 'm', gate, timing: new FakeTiming(), attemptTimeoutMs };
  return new OpenAiClient(options).complete({ messages }).catch((error: unknown) => error);
}

it('hears of errors, of what is lost, and of the reply', async () => {
  const watch = new Watch();
  await ask(
    [
      { status: 500 },
      { status: 429 },
      { reset: 'before-answer' },
      { status: 504 },
      { reply: 'a', usage: { promptTokens: 7, completionTokens: 1 } },
    ],
    watch,
  );
  // A gateway's timeout tells nothing of the server behind it.
  expect(watch.seen).toEqual(['in', 'refused', 'in', 'refused', 'in', 'lost', 'in', 'lost', 'in', 'reply 7']);
});

it('hears that a request timed out, and that a reply has no usage', async () => {
  const watch = new Watch();
  const body = JSON.stringify({ choices: [{ message: { content: 'a' } }] });
  const answered = await ask([{ hang: 'mid-body' }, { status: 200, body }], watch, 1000);
  expect(answered).toMatchObject({ text: 'a', attempts: 2 });
  expect(watch.seen).toEqual(['in', 'lost', 'in', 'reply untold']);
});

it('keeps a request from being sent, and from being tried again', async () => {
  const watch = new Watch(1);
  expect(await ask(() => ({ status: 500 }), watch)).toMatchObject({ code: 'BUDGET_REACHED', message: 'enough' });
  expect(watch.seen).toEqual(['in', 'refused']);
  expect(llm!.requests).toHaveLength(1);
});
