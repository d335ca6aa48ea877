/** Blocks come back as they were put in, in any order, after any end of the process that wrote them. */
import fc from 'fast-check';
import { appendFile, mkdtemp, open, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BlockFile } from '../../../src/eval/features/block-file.js';

let folder: string;
let made = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-blocks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fresh = (): string => join(folder, `${made++}.blocks`);
const blockOf = (item: string, width = 3): Float32Array =>
  Float32Array.from({ length: width }, (_, i) => (item.codePointAt(0) ?? 0) + item.length / 7 + i);
const rowsOf = (items: readonly string[]): Float32Array =>
  Float32Array.from(items.flatMap((item) => [...blockOf(item)]));
const none = (items: readonly string[]): boolean[] => items.map(() => false);

async function read(blocks: BlockFile, items: readonly string[]): Promise<Float32Array> {
  const out = new Float32Array(items.length * blocks.width);
  await blocks.read(items, out, 0, blocks.width);
  return out;
}

async function using<T>(path: string, work: (blocks: BlockFile) => Promise<T>): Promise<T> {
  const blocks = await BlockFile.open(path);
  try {
    return await work(blocks);
  } finally {
    await blocks.close();
  }
}

describe('BlockFile', () => {
  it('gives back every block, in any order and after reopening', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 7 }),
        fc.infiniteStream(fc.nat()),
        async (items, window, draws) => {
          const path = fresh();
          await using(path, async (blocks) => {
            for (let at = 0; at < items.length; at += window) {
              const some = items.slice(at, at + window);
              await blocks.append(some, rowsOf(some), none(some));
            }
          });
          const shuffled = items.map((item) => [draws.next().value as number, item] as const).sort(([a], [b]) => a - b).map(([, item]) => item); // prettier-ignore
          await using(path, async (blocks) => {
            expect(await read(blocks, shuffled)).toEqual(rowsOf(shuffled));
            expect(items.every((item) => blocks.has(item))).toBe(true);
            expect(blocks.has(`${items[0]}?`) && !items.includes(`${items[0]}?`)).toBe(false);
          });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('writes beside other columns, and remembers which texts were cut', async () => {
    const path = fresh();
    await using(path, async (blocks) => {
      await blocks.append(['a', 'b'], rowsOf(['a', 'b']), [false, true]);
      const out = new Float32Array(10).fill(-1);
      await blocks.read(['b', 'a'], out, 2, 5);
      expect([...out]).toEqual([-1, -1, ...blockOf('b'), -1, -1, ...blockOf('a')]);
      expect(['a', 'b'].map((item) => blocks.isTruncated(item))).toEqual([false, true]);
    });
    await using(path, (blocks) => {
      expect(['a', 'b'].map((item) => blocks.isTruncated(item))).toEqual([false, true]);
      return Promise.resolve();
    });
  });

  it('keeps all whole records of a file that was cut anywhere', async () => {
    const items = ['a', 'bb', 'ccc', 'dddd'];
    const whole = fresh();
    await using(whole, (blocks) => blocks.append(items, rowsOf(items), none(items)));
    const { size } = await stat(whole);
    const record = (size - 32) / items.length;
    for (let bytes = 0; bytes <= size; bytes += 5) {
      const path = fresh();
      await appendFile(path, await readFile(whole));
      await truncate(path, bytes);
      const kept = bytes < 32 ? 0 : Math.floor((bytes - 32) / record);
      await using(path, async (blocks) => {
        expect(items.filter((item) => blocks.has(item))).toEqual(items.slice(0, kept));
        // What was lost can be added again.
        const lost = items.slice(kept);
        await blocks.append(lost, rowsOf(lost), none(lost));
        expect(await read(blocks, items)).toEqual(rowsOf(items));
      });
    }
  });

  it('drops a record with a changed byte, and all behind it', async () => {
    const items = ['a', 'bb', 'ccc'];
    for (const offset of [0, 17, 25, 33]) {
      const path = fresh();
      await using(path, (blocks) => blocks.append(items, rowsOf(items), none(items)));
      const record = ((await stat(path)).size - 32) / items.length;
      const file = await open(path, 'r+');
      const at = 32 + record + offset;
      const byte = Buffer.alloc(1);
      await file.read(byte, 0, 1, at);
      await file.write(Buffer.from([byte[0]! ^ 4]), 0, 1, at);
      await file.close();
      await using(path, (blocks) => {
        expect(items.filter((item) => blocks.has(item))).toEqual(['a']);
        return Promise.resolve();
      });
    }
  });

  it('starts anew over a file that is none of its own', async () => {
    const path = fresh();
    await appendFile(path, 'something else that somebody put here, longer than a header');
    await using(path, async (blocks) => {
      expect(blocks.width).toBe(0);
      await blocks.append(['a'], blockOf('a'), [false]);
    });
    await using(path, async (blocks) => {
      expect(await read(blocks, ['a'])).toEqual(blockOf('a'));
    });
  });

  it('refuses what is no number, names the text, and keeps what was there', async () => {
    await using(fresh(), async (blocks) => {
      await blocks.append(['a'], blockOf('a'), [false]);
      const rows = rowsOf(['b', 'c']);
      rows[4] = NaN;
      await expect(blocks.append(['b', 'c'], rows, none(['b', 'c']))).rejects.toMatchObject({
        code: 'INVALID_VECTOR',
        message: 'the features of "c" hold NaN',
      });
      expect(['a', 'b', 'c'].map((item) => blocks.has(item))).toEqual([true, false, false]);
    });
  });

  it("is one process's at a time", async () => {
    const path = fresh();
    await using(path, () => expect(BlockFile.open(path)).rejects.toMatchObject({ code: 'INDEX_LOCKED' }));
    await using(path, () => Promise.resolve());
  });

  it('never takes another file of its name for its own', async () => {
    const path = fresh();
    await using(path, async (blocks) => {
      await blocks.append(['x', 'y'], rowsOf(['x', 'y']), none(['x', 'y']));
      // What a run does whose cache was removed under it: another run made the same file anew.
      await rm(path);
      await rm(`${path}.lock`);
      await using(path, async (other) => {
        await other.append(['q', 'r'], rowsOf(['q', 'r']), none(['q', 'r']));
        const message = `${path} was removed, or taken over by another run, while this run used it`;
        const gone = { code: 'STORAGE_FAILED', message };
        await expect(read(blocks, ['x'])).rejects.toMatchObject(gone);
        await expect(blocks.append(['z'], rowsOf(['z']), [false])).rejects.toMatchObject(gone);
        expect(await read(other, ['q', 'r'])).toEqual(rowsOf(['q', 'r']));
      });
    });
  });
});
