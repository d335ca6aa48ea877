/** `retrieve`, `prompt` and `answer` on an index of images: what an LLM is sent, and what is said of it. */
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bytesOf, mediaOf, type ChatMessage } from '../../src/prompt/message.js';
import { ScriptedLlm } from '../../src/testing/scripted-llm.js';
import { TinyImages } from '../support/tiny-images.js';
import { jsonl, Workspace } from './support.js';

let workspace: Workspace;
let images: TinyImages;
const COUNT = 6;

beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  await mkdir(workspace.path('photos'));
  for (let i = 0; i <= COUNT; i++) await copyFile(await images.picture(i), workspace.path('photos', `${i}.png`));
  await mkdir(workspace.path('loose'));
  for (const i of [0, 1]) await copyFile(workspace.path('photos', `${i}.png`), workspace.path('loose', `${i}.png`));
  const rows = Array.from({ length: COUNT }, (_, i) => ({
    ...{ id: `p${i}`, image: `photos/${i}.png`, label: i % 2 === 0 ? 'cat' : 'dog' },
    ...(i > 0 && { url: `https://example.org/${i}.png` }),
  }));
  await workspace.write({
    'birds.jsonl': jsonl(rows),
    'queries.jsonl': jsonl([{ image: 'photos/6.png' }, { image: 'photos/1.png' }]),
  });
  const argv = ['index', 'birds', '--data', '@birds.jsonl', '--encoder', images.model, '--dims', '4'];
  const { code, stderr } = await workspace.fungi(argv);
  expect([code, stderr]).toEqual([0, expect.anything()]);
}, 60_000);
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});

interface PromptJson {
  readonly messages: readonly ChatMessage[];
  readonly used: readonly { readonly id: string }[];
  readonly dropped: readonly { readonly reason: string }[];
  readonly size: { readonly media: { readonly parts: number; readonly bytes: number } };
}
const prompt = async (...argv: string[]) => workspace.fungi(['prompt', 'birds', '@photos/6.png', '-k', '3', ...argv]);
const promptJson = async (...argv: string[]): Promise<PromptJson> =>
  (await prompt(...argv, '--json')).json() as PromptJson;

it('retrieve takes a path and names the column after what is indexed', async () => {
  const { code, stdout } = await workspace.fungi(['retrieve', 'birds', '@photos/0.png', '-k', '2']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^rank +distance +label +image\n +1 +0\.0000 +cat +.*photos\/0\.png\n/);
});

it('prompt shows beginning and size of each image, and has it whole under --json', async () => {
  const { code, stdout, stderr } = await prompt();
  expect([code, stderr.includes('warning')]).toEqual([0, false]);
  expect(stdout.match(/\[image data:image\/(?:png|jpeg);base64,\S{1,30}… \(\S+ k?B\)\]/g)).toHaveLength(4);
  expect(stderr).toMatch(
    /1 prompt: about \d+ tokens of text; 4 images or sounds \(.*\), which no token is counted for/,
  );
  const { messages, size } = await promptJson();
  const media = messages.flatMap(mediaOf);
  expect(media).toHaveLength(4);
  expect(size.media).toEqual({ parts: 4, bytes: media.reduce((sum, part) => sum + bytesOf(part), 0) });
});

it('leaves the farthest examples out beyond the budget, and says how many', async () => {
  const all = await promptJson();
  const argv = ['--media-bytes', String(all.size.media.bytes - 1)];
  const { used, dropped, size } = await promptJson(...argv);
  expect(used).toEqual(all.used.slice(0, 2));
  expect(dropped).toMatchObject([{ reason: 'budget' }]);
  expect(size.media.parts).toBe(3);
  expect((await prompt(...argv)).stderr).toContain('warning: 1 of 3 examples did not fit the prompt');
});

it('sends addresses in place of images where each example has one, and names the one that has none', async () => {
  const { messages } = await promptJson('--media-url-key', 'url', '--label', 'dog');
  expect(JSON.stringify(messages).match(/https:\/\/example\.org\/[135]\.png/g)).toHaveLength(3);
  const { code, stderr } = await prompt('--media-url-key', 'url', '-k', '6');
  expect([code, stderr]).toEqual([3, expect.stringContaining('example "p0": metadata "url" is missing')]);
});

it('names the example whose file is gone, and the way out', async () => {
  const path = workspace.path('photos', '1.png');
  await rename(path, `${path}.away`);
  try {
    const { code, stderr } = await prompt('-k', '6');
    expect(code).toBe(3);
    expect(stderr).toContain('example "p1": a media file is missing');
    expect(stderr).toContain('Put the file back');
  } finally {
    await rename(`${path}.away`, path);
  }
});

it('an index of texts refuses options for images', async () => {
  await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL']);
  const { code, stderr } = await workspace.fungi(['prompt', 'pets', 'the cat', '--image-side', '64']);
  expect([code, stderr]).toEqual([2, expect.stringContaining('media.imageSide was given, and the index holds texts')]);
});

it.each([
  ['one path', ['@photos/6.png'], 1],
  ['rows without labels', ['--data', '@queries.jsonl'], 2],
  ['a folder of images', ['--data', '@loose'], 2],
  ['labelled rows', ['--data', '@birds.jsonl'], COUNT],
])('answer of %s sends the images to the LLM', async (_name, query, calls) => {
  const llm = await ScriptedLlm.start(() => ({ reply: 'cat' }));
  try {
    const endpoint = ['--base-url', llm.baseUrl, '--model', 'm', '--no-cache', '-k', '2'];
    const { code, stdout, stderr } = await workspace.fungi(['answer', 'birds', ...query, ...endpoint]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^cat\b/);
    expect(llm.requests).toHaveLength(calls);
    for (const { body } of llm.requests) expect(body.messages.flatMap(mediaOf)).toHaveLength(3);
    expect(stderr).toContain(`${3 * calls} images or sounds`);
  } finally {
    await llm.close();
  }
});

it('answer by vote needs no prompt', async () => {
  const { code, stdout } = await workspace.fungi(['answer', 'birds', '--data', '@queries.jsonl', '-k', '1']);
  expect([code, stdout]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^(cat|dog)\t.*6\\.png\ndog\t${join(workspace.folder, 'photos')}/1\\.png\n$`)),
  ]);
});
