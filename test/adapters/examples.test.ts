/** The README's drop-ins are the files in examples, are short, and run as they are written, on an index of their own. */
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FungiSelector, type SelectedExample } from '../../src/selector/selector.js';
import { tinyModel, writeFiles } from '../encoders/tiny-model.js';
import { placeIn, tinyExamples } from '../selector/support.js';

const root = join(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const QUERY = 'my library card was stolen, can I still borrow?';

let folder: string;
let server: Server;
let nearest: readonly SelectedExample[];
const requests: { readonly messages: readonly { readonly role: string; readonly content: string }[] }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-examples-'));
  await writeFiles(join(folder, 'model'), await tinyModel());
  const built = await FungiSelector.build({ ...placeIn(folder).options('help-desk'), examples: tinyExamples(20) });
  nearest = (await built.select(QUERY)).examples;
  await built.close();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      requests.push(JSON.parse(body) as (typeof requests)[number]);
      const message = { role: 'assistant', content: 'the reply' };
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({ id: 'x', created: 0, model: 'm', choices: [{ index: 0, message, finish_reason: 'stop' }] }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true });
});

function started(file: string): ChildProcess {
  const { port } = server.address() as AddressInfo;
  const env = {
    ...process.env,
    OPENAI_BASE_URL: `http://127.0.0.1:${port}/v1`,
    FUNGI_OFFLINE: '1',
    FUNGI_CACHE: join(folder, 'cache'),
    PORT: '0',
  };
  const tsx = join(root, 'node_modules/tsx/dist/loader.mjs');
  return spawn(process.execPath, ['--import', tsx, join(root, file)], { cwd: folder, env });
}

async function run(file: string): Promise<string> {
  const child = started(file);
  const [output, errors] = await Promise.all([textOf(child.stdout!), textOf(child.stderr!)]);
  expect(errors).toBe('');
  return output;
}

it.each(['examples/04-langchain.ts', 'examples/05-ai-sdk.ts', 'examples/06-express.ts'])(
  'the README shows %s, in under ten lines',
  (file) => {
    const source = read(file)
      .replaceAll(/'\.\.\/src\/adapters\/([\w-]+)\/index\.js'/g, `'fungi-icl/$1'`)
      .replace(`'../src/index.js'`, `'fungi-icl'`);
    const blocks = [...read('README.md').matchAll(/```ts\n([^]*?)```/g)].map(([, block]) => block);
    expect(blocks).toContain(source);
    expect(source.split('\n').filter((line) => line !== '').length).toBeLessThan(10);
  },
);

it('04-langchain writes a prompt of the nearest examples', { timeout: 180_000 }, async () => {
  const shown = nearest.slice(0, 3).map(({ input, label }) => `Message: ${input}\nLabel: ${label}`);
  expect(await run('examples/04-langchain.ts')).toBe(`\n\n${shown.join('\n\n')}\n\nMessage: ${QUERY}\nLabel:\n`);
});

it('05-ai-sdk asks an endpoint with them', { timeout: 180_000 }, async () => {
  expect(await run('examples/05-ai-sdk.ts')).toBe('the reply\n');
  const [{ messages }] = requests.splice(0) as [(typeof requests)[number]];
  expect(messages[0]).toMatchObject({ role: 'system', content: expect.stringContaining('cat, dog') as string });
  expect(messages.slice(1)).toEqual([
    ...nearest.toReversed().flatMap(({ input, label }) => [
      { role: 'user', content: input },
      { role: 'assistant', content: label },
    ]),
    { role: 'user', content: QUERY },
  ]);
});

it('06-express answers requests with what an endpoint says', { timeout: 180_000 }, async () => {
  const child = started('examples/06-express.ts');
  try {
    let output = '';
    for await (const chunk of child.stdout!) {
      output += String(chunk);
      if (/"port":\d+/.test(output)) break;
    }
    const url = `http://127.0.0.1:${/"port":(\d+)/.exec(output)![1]!}/label`;
    const answered = await fetch(`${url}?text=${encodeURIComponent(QUERY)}`);
    expect(await answered.json()).toMatchObject({
      label: null, // 'the reply' is none of the labels
      reply: 'the reply',
      by: 'llm',
      index: 'help-desk',
      examples: nearest.map(({ id }) => ({ id })),
    });
    expect(requests[0]!.messages.at(-1)).toEqual({ role: 'user', content: QUERY });
    expect((await fetch(url)).status).toBe(422);
  } finally {
    child.kill();
  }
});
