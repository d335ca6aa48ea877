/** `fungi index` of images: what changed where it lies, what the encoder does not read, and what messages call the items. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TinyImages } from '../support/tiny-images.js';
import { Workspace, type Outcome } from './support.js';

let workspace: Workspace;
let images: TinyImages;
const build = (...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', 'spots', '--encoder', images.model, '--data', '@spots', '--dims', '4', ...more]);

beforeAll(async () => {
  workspace = await Workspace.create();
  images = await TinyImages.create();
  for (let i = 0; i < 6; i++) {
    const folder = workspace.path('spots', i < 3 ? 'a' : 'b');
    await mkdir(folder, { recursive: true });
    await copyFile(await images.picture(i), join(folder, `${i}.png`));
  }
  expect((await build()).code).toBe(0);
});
afterAll(async () => {
  await workspace.remove();
  await images.remove();
});

it('leaves an index of the same images as it is', async () => {
  const { code, stdout } = await build();
  expect(code).toBe(0);
  expect(stdout).toContain('nothing to do');
  expect(stdout).toMatch(/^cut images +0$/m);
});

it('sees that an image changed under its name', async () => {
  await copyFile(await images.picture(9), workspace.path('spots', 'a', '0.png'));
  const refused = await build();
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('data: the same names, and other images than those that the index was built of');
  expect((await build('--force')).stdout).toContain('replaced');
  expect((await build()).stdout).toContain('nothing to do');
});

it('refits where an image changed under its name, and else does not', async () => {
  const refit = async (): Promise<string> => (await workspace.fungi(['indexes', 'refit', 'spots'])).stdout;
  expect(await refit()).toContain('nothing to refit');
  await copyFile(await images.picture(10), workspace.path('spots', 'a', '0.png'));
  expect(await refit()).toContain('is of a new generation');
  expect(await refit()).toContain('nothing to refit');
});

it('does not say that images changed where some came after the build', async () => {
  const place = async (i: number): Promise<void> => {
    const folder = workspace.path('later', i % 2 === 0 ? 'a' : 'b');
    await mkdir(folder, { recursive: true });
    await copyFile(await images.picture(i), join(folder, `${i}.png`));
  };
  const index = ['index', 'later', '--encoder', images.model, '--data', '@later', '--dims', '4', '--losses', 'none'];
  for (const i of [0, 1, 2, 3]) await place(i);
  expect((await workspace.fungi(index)).code).toBe(0);
  for (const i of [4, 5]) await place(i);
  expect((await workspace.fungi(['add', 'later', '@later'])).code).toBe(0);
  const { code, stderr } = await workspace.fungi(index);
  expect(code).toBe(5);
  expect(stderr).toContain('others than it was built of; `fungi indexes refit later`');
  expect(stderr).not.toContain('other images');
});

it('compares settings by what the encoder asked for reads, not the one of the index', async () => {
  const texts = ['index', 'both', '--data', '@train.jsonl', '--encoder', 'MODEL'];
  expect((await workspace.fungi(texts)).code).toBe(0);
  const { code, stderr } = await workspace.fungi([
    ...['index', 'both', '--data', '@spots', '--encoder', images.model, '--losses', 'dino'],
  ]);
  expect(code).toBe(5);
  expect(stderr).toContain('losses: kl in the index, dino asked for');
});

it('does not give paths of images to an encoder of texts', async () => {
  for (const argv of [
    ['index', 'paths', '--data', '@spots'],
    ['eval', 'knn', '--train', '@spots', '--test', '@spots'],
    ['eval', 'cka', '--data', '@spots'],
    ['eval', 'throughput', '--data', '@spots/a'],
  ]) {
    const { code, stderr } = await workspace.fungi([...argv, '--encoder', 'MODEL']);
    expect(code).toBe(3);
    expect(stderr).toMatch(
      /spots.*: holds images, and .*model reads texts\nhint: Name an image encoder .*--encoder \.\/models\/dinov2-small/,
    );
  }
});

it('has no int8 of an image encoder', async () => {
  const { code, stderr } = await build('--precision', 'int8', '--force');
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /precision int8 needs items to calibrate with; .*"image" does not\nhint: Leave --precision out/,
  );
});

it('names the losses that there are of what the encoder reads', async () => {
  const argv = ['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'kl,dino'];
  const { code, stderr } = await workspace.fungi(argv);
  expect(code).toBe(2);
  expect(stderr).toContain('dino is a loss of images, and this encoder reads texts');
  expect(stderr).toContain('Of texts there are kl, simclr.');
});

it('says what a query has to be', async () => {
  const asked = async (query: string): Promise<string> => (await workspace.fungi(['retrieve', 'spots', query])).stderr;
  expect(await asked('a bright spot')).toMatch(
    /missing: a bright spot\nhint: Images and sounds are named by their path/,
  );
  await writeFile(workspace.path('a.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
  expect(await asked('@a.svg')).toContain('Render it to PNG first');
});

it('calls images images where they are inspected and evaluated', async () => {
  const { stdout } = await workspace.fungi(['models', 'inspect', images.model]);
  expect(stdout).toMatch(/; beside another image by /);
  expect(stdout).toMatch(/^an image +of 5 tokens takes /m);
  const knn = await workspace.fungi([
    ...['eval', 'knn', '--train', '@spots', '--test', '@spots', '--encoder', images.model, '--features', 'embedding'],
  ]);
  expect(knn.stdout).toContain('repeat an earlier image; 6 test images are in the training set (by path)');
});
