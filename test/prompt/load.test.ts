import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { builtInTemplates, loadTemplate } from '../../src/prompt/load.js';
import { textOf } from '../support/message-text.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-prompt-'));
});
afterAll(() => rm(folder, { recursive: true }));

it('loads every built-in template by name', async () => {
  const names = await builtInTemplates();
  expect(names).toEqual(['classify', 'classify-chat', 'turns']);
  const modes = await Promise.all(names.map(async (name) => (await loadTemplate(name)).mode));
  expect(modes).toEqual(['text', 'chat', 'chat']);
});

it("writes the paper's Listing 1, with its own first line where given", async () => {
  const template = await loadTemplate('classify');
  const { messages } = template.render({
    query: 'Where is my card?',
    labels: ['card_arrival', 'exchange_rate'],
    examples: [
      { input: 'My card has not come', label: 'card_arrival' },
      { input: 'What is a dollar today?', label: 'exchange_rate' },
    ],
    variables: { role: 'You have to annotate banking-related queries with an appropriate intent.' },
  });
  expect(
    messages.map((message) => ({ role: message.role, content: textOf(message).replace(/\b[0-9a-f]{8}\b/g, 'F') })),
  ).toEqual([
    {
      role: 'user',
      content: `You have to annotate banking-related queries with an appropriate intent.
You must choose a single class in the following comma-separated list:
card_arrival, exchange_rate
You must reply only with the class name, nothing more. Here are some examples:
[F text] What is a dollar today?
[F class] exchange_rate
[F text] My card has not come
[F class] card_arrival
The query sample is: [F query] Where is my card?`,
    },
  ]);
});

it('loads a file by path', async () => {
  const path = join(folder, 'mine.md');
  await writeFile(path, '---\nmode: text\ndescription: Mine.\n---\n{{ query }}\n');
  const template = await loadTemplate(path);
  expect(template.description).toBe('Mine.');
  expect(template.render({ query: 'q', labels: ['a'], examples: [] }).messages).toEqual([
    { role: 'user', content: 'q' },
  ]);
});

it.each(['nope', './nope.md', '..'])('%s: says what there is instead', async (name) => {
  await expect(loadTemplate(name)).rejects.toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: expect.stringContaining(name) as string,
    hint: expect.stringContaining('classify, classify-chat') as string,
  });
});
