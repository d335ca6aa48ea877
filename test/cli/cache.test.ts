import { readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lockBlocks } from '../../src/eval/features/block-bytes.js';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

interface Listed {
  readonly file: string;
  readonly encoder: string | null;
  readonly block: string | null;
  readonly seed: number | null;
  readonly texts: number;
  readonly bytes: number;
  readonly lastUsed: string;
}

const kept = (): string => workspace.path('cache', 'features');
const KNN = ['eval', 'knn', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl', '--seeds', '2'];
const evaluate = async (): Promise<void> => {
  expect((await workspace.fungi(KNN)).code).toBe(0);
};
const listed = async (): Promise<Listed[]> => {
  const { code, json } = await workspace.fungi(['cache', 'list', '--json']);
  expect(code).toBe(0);
  return (json() as { files: Listed[] }).files;
};

/** As if it had been used last so many days ago. */
async function age(file: string, days: number): Promise<void> {
  const then = new Date(Date.now() - days * 86_400_000);
  const path = workspace.path('cache', 'features', file);
  for (const each of [path, path.replace('.blocks', '.json')]) await utimes(each, then, then);
}

describe('cache list', () => {
  it('is empty before the first evaluation', async () => {
    const { code, stdout } = await workspace.fungi(['cache', 'list']);
    expect(code).toBe(0);
    expect(stdout).toBe(`there are no features in ${kept()}\n`);
    expect(await listed()).toEqual([]);
  });

  it('shows of each file what it is, its size and its last use', async () => {
    await evaluate();
    const files = await listed();
    const encoder = expect.stringContaining('model') as string;
    const lastUsed = expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string;
    const common = { file: expect.stringMatching(/\.blocks$/) as string, encoder, texts: 12, lastUsed };
    const bytes = expect.any(Number) as number;
    const kinds = files.toSorted((a, b) => (a.seed ?? -1) - (b.seed ?? -1));
    expect(kinds).toEqual([
      { ...common, block: 'embedding', seed: null, bytes },
      { ...common, block: 'kl', seed: 0, bytes },
      { ...common, block: 'kl', seed: 1, bytes },
    ]);
    for (const { file, bytes: size } of files) {
      expect((await stat(workspace.path('cache', 'features', file))).size).toBe(size);
    }
    const { stdout } = await workspace.fungi(['cache', 'list']);
    expect(stdout).toMatch(/^encoder +features +files +texts +size +last used$/m);
    expect(stdout).toMatch(/ kl +2 +24 +[\d.]+ k?B +\d{4}-\d\d-\d\d$/m);
    expect(stdout).toContain(`3 files, `);
  });

  it('counts reading as a use', async () => {
    for (const { file } of await listed()) await age(file, 9);
    await evaluate();
    for (const { lastUsed } of await listed()) expect(Date.now() - Date.parse(lastUsed)).toBeLessThan(86_400_000);
  });

  it('shows what an earlier version left, and damaged files, as what they are', async () => {
    await rm(workspace.path('cache', 'features', (await listed())[0]!.file.replace('.blocks', '.json')));
    await writeFile(workspace.path('cache', 'features', 'broken.blocks'), 'no blocks');
    const files = await listed();
    expect(files.filter(({ encoder }) => encoder === null)).toHaveLength(2);
    expect(files.find(({ file }) => file === 'broken.blocks')).toMatchObject({ texts: 0, bytes: 9, block: null });
    expect((await workspace.fungi(['cache', 'list'])).stdout).toContain('of an earlier version');
  });

  it('says where the folder cannot be read', async () => {
    await workspace.write({ blocked: 'no folder' });
    const env = { FUNGI_CACHE: workspace.path('blocked') };
    for (const command of ['list', 'clear']) {
      const { code, stderr } = await workspace.fungi(['cache', command], { env });
      expect(code).toBe(5);
      expect(stderr).toContain(`error [STORAGE_FAILED]: the feature cache ${workspace.path('blocked', 'features')}: `);
    }
  });
});

describe('cache clear', () => {
  it('removes what was not used for so long, and its notes', async () => {
    await workspace.fungi(['cache', 'clear']);
    await evaluate();
    const [old, ...others] = (await listed()).map(({ file }) => file);
    await age(old!, 31);
    await age(others[0]!, 29);
    const { code, stdout } = await workspace.fungi(['cache', 'clear', '--older-than', '30']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^removed 1 file, .* from .*features\n$/);
    const left = others.flatMap((file) => [file, file.replace('.blocks', '.json')]);
    expect((await readdir(kept())).sort()).toEqual(left.sort());
    await evaluate(); // makes what is gone
    expect(await listed()).toHaveLength(3);
  });

  it('removes all, and the same evaluation gives the same', async () => {
    const results = async (): Promise<unknown> => {
      const { json } = await workspace.fungi([...KNN, '--json']);
      return (json() as { summary: unknown }).summary;
    };
    const before = await results();
    const { code, json } = await workspace.fungi(['cache', 'clear', '--json']);
    expect(code).toBe(0);
    expect(json()).toMatchObject({ folder: kept(), removed: { length: 3 }, inUse: [] });
    expect(await readdir(kept())).toEqual([]);
    expect(await results()).toEqual(before);
  });

  it('leaves what a running evaluation uses, and says so', async () => {
    const [used] = (await listed()).map(({ file }) => file);
    const lock = await lockBlocks(workspace.path('cache', 'features', used!));
    const { code, stdout, stderr } = await workspace.fungi(['cache', 'clear']);
    expect(code).toBe(5);
    expect(stdout).toMatch(/^removed 2 files/);
    expect(stderr).toContain(`error [INDEX_LOCKED]: 1 file of ${kept()} left: a running evaluation uses them`);
    expect((await listed()).map(({ file }) => file)).toEqual([used]);
    await lock.release();
    expect((await workspace.fungi(['cache', 'clear'])).code).toBe(0);
    expect(await readdir(kept())).toEqual([]);
  });

  it('takes a number of days and nothing else', async () => {
    for (const days of ['-1', 'soon', '']) {
      const { code, stderr } = await workspace.fungi(['cache', 'clear', `--older-than=${days}`]);
      expect(code).toBe(2);
      expect(stderr).toContain('It must be a number of days, e.g. 30.');
    }
  });
});
