/** The image and the audio demo of the README, line by line, with models of a few kilobytes in place of those it names. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { tinyFolder } from '../encoders/audio/tiny-encoders.js';
import { TinyImages } from '../support/tiny-images.js';
import { Workspace } from './support.js';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const section = /^## Images and sounds$([^]*?)^## /m.exec(readme)![1]!;
const demos = [...section.matchAll(/```sh\n([^]*?)```/g)].map(([, block]) => block!.trim().split('\n'));

let workspace: Workspace;
let images: TinyImages;
let models: string;
beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create('dinov2');
  models = await mkdtemp(join(tmpdir(), 'fungi-models-'));
  await cp(images.model, join(models, 'dinov2-small'), { recursive: true });
  await cp(await tinyFolder(models, 'whisper'), join(models, 'whisper-tiny'), { recursive: true });
});
afterAll(async () => {
  await workspace.remove();
  await images.remove();
  await rm(models, { recursive: true });
});

const here = (word: string): string =>
  word.replace(/^media\b/, workspace.path('media')).replace(/^\.\/models\b/, models);

const tsx = (script: string, ...args: string[]): Promise<{ stdout: string }> =>
  promisify(execFile)(process.execPath, ['--import', 'tsx', script, ...args], { cwd: root });

it.each([
  ['images', 0, 'red-circle'],
  ['sounds', 1, 'high'],
])('finds examples of the query’s own class: %s', async (_, at, label) => {
  const lines = demos[at]!;
  expect(lines).toHaveLength(3);
  const [made, ...calls] = lines.map((line) => line.split(' '));
  expect(made!.slice(0, 2)).toEqual(['npx', 'tsx']);
  await tsx(made![2]!, ...made!.slice(3).map(here));
  const [index, retrieve] = calls.map((words) => {
    expect(words.slice(0, 4)).toEqual(['npm', 'run', '-s', 'fungi']);
    return words.slice(5).map(here);
  });
  expect(await workspace.fungi(index!)).toMatchObject({ code: 0, stderr: '' });
  const { json } = await workspace.fungi([...retrieve!, '--json']);
  const { query, examples } = json() as { query: string; examples: readonly { label: string }[] };
  expect(query).toContain(label);
  expect(examples.map((example) => example.label)).toEqual([label, label, label]);
});
