/** What is removed of a cache, and what is not, while evaluations use it. */
import { mkdir, mkdtemp, rm, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockBlocks } from '../../../src/eval/features/block-bytes.js';
import { BlockFile } from '../../../src/eval/features/block-file.js';
import { clearKept, listKept, noteUse } from '../../../src/eval/features/kept-features.js';

const DAY = 86_400_000;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-kept-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function kept(name: string, days: number): Promise<string> {
  const path = join(folder, `${name}.blocks`);
  const file = await BlockFile.open(path);
  await file.append([name], Float32Array.of(1, 2), [false]);
  await file.close();
  await noteUse(path, { encoder: 'tiny', block: 'kl', seed: 0 });
  const then = new Date(Date.now() - days * DAY);
  for (const each of [path, path.replace('.blocks', '.json')]) await utimes(each, then, then);
  return path;
}

describe('clearing a cache', () => {
  it('keeps what was used between the listing and its turn', async () => {
    const names = Array.from({ length: 40 }, (_, i) => `f${String(i).padStart(2, '0')}`);
    for (const name of names) await kept(name, 40);
    // The file whose turn comes last is used while the first ones are removed.
    const last = (await listKept(folder)).at(-1)!.file;
    const use = (async () => {
      while ((await listKept(folder)).length === names.length) await new Promise((resolve) => setTimeout(resolve, 1));
      await noteUse(join(folder, last), { encoder: 'tiny', block: 'kl', seed: 0 });
    })();
    const { removed } = await clearKept(folder, DAY);
    await use;
    const left = (await listKept(folder)).map(({ file }) => file);
    // Either its turn had come already, or it is there with its new note: never removed after its use.
    expect(removed.length + left.length).toBe(names.length);
    if (left.length > 0) expect(left).toEqual([last]);
  });

  it('keeps what was noted anew, and what is in use', async () => {
    const [old, young] = [await kept('old', 40), await kept('young', 40)];
    const used = await kept('used', 40);
    await noteUse(young, { encoder: 'tiny', block: 'kl', seed: 0 });
    const lock = await lockBlocks(used);
    try {
      const { removed, inUse } = await clearKept(folder, DAY);
      expect(removed.map(({ file }) => join(folder, file))).toEqual([old]);
      expect(inUse.map(({ file }) => join(folder, file))).toEqual([used]);
    } finally {
      await lock.release();
    }
  });

  it('overlooks folders, and a note that cannot be written is none', async () => {
    await mkdir(join(folder, 'a.blocks'));
    expect(await listKept(folder)).toEqual([]);
    await noteUse(join(folder, 'gone', 'b.blocks'), { encoder: null, block: 'kl', seed: 0 });
  });
});
