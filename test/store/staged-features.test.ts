import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Logger } from '../../src/core/log.js';
import { Rng } from '../../src/core/rng.js';
import { StagedFeatures } from '../../src/store/staged-features.js';
import { inFolder } from './support.js';

const PLAN = { fingerprint: 'plan', width: 3 };
const rowsFrom = (first: number, count: number): Float32Array =>
  Float32Array.from({ length: count * PLAN.width }, (_, i) => first * PLAN.width + i + 0.5);

async function readAll(stage: StagedFeatures, window?: number): Promise<{ sizes: number[]; values: number[] }> {
  const sizes: number[] = [];
  const values: number[] = [];
  for await (const part of stage.read(window === undefined ? {} : { window })) {
    sizes.push(part.length / PLAN.width);
    values.push(...part);
  }
  return { sizes, values };
}

/** A stage of three windows: rows 0–3, 4–8 and 9. */
async function stageIn(folder: string): Promise<void> {
  const stage = await StagedFeatures.open(folder, PLAN);
  for (const [first, count] of [
    [0, 4],
    [4, 5],
    [9, 1],
  ] as const)
    await stage.append(rowsFrom(first, count));
  await stage.close();
}

function recorder(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const log = (line: string): void => void lines.push(line);
  return { logger: { debug: log, info: log, warn: log }, lines };
}

async function rowsAfter(folder: string): Promise<number> {
  const stage = await StagedFeatures.open(folder, PLAN);
  const { values } = await readAll(stage);
  expect(values).toEqual([...rowsFrom(0, stage.rowsDone)]);
  // What is appended next follows the rows that were kept.
  await stage.append(rowsFrom(stage.rowsDone, 2));
  expect((await readAll(stage)).values).toEqual([...rowsFrom(0, stage.rowsDone)]);
  await stage.close();
  return stage.rowsDone - 2;
}

describe('StagedFeatures', () => {
  it('reads what was written, in windows of any other size', () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 7 }), { maxLength: 5 }),
        fc.integer({ min: 1, max: 9 }),
        (counts, window) =>
          inFolder(async (folder) => {
            const stage = await StagedFeatures.open(folder, PLAN);
            for (const count of counts) await stage.append(rowsFrom(stage.rowsDone, count));
            const total = counts.reduce((sum, count) => sum + count, 0);
            expect(stage.rowsDone).toBe(total);
            const { sizes, values } = await readAll(stage, window);
            expect(values).toEqual([...rowsFrom(0, total)]);
            expect(sizes).toEqual(
              Array.from({ length: Math.ceil(total / window) }, (_, i) => Math.min(window, total - i * window)),
            );
            await stage.close();
          }),
      ),
      { numRuns: 20, seed: 2 },
    ));

  it('goes on under the same plan and says so', () =>
    inFolder(async (folder) => {
      await stageIn(folder);
      const { logger, lines } = recorder();
      const stage = await StagedFeatures.open(folder, PLAN, logger);
      expect(stage.rowsDone).toBe(10);
      expect(lines).toEqual([expect.stringContaining('10 rows are done already')]);
      await stage.close();
    }));

  it('counts the cut texts of all windows, of earlier runs too', () =>
    inFolder(async (folder) => {
      const stage = await StagedFeatures.open(folder, PLAN);
      await stage.append(rowsFrom(0, 4), 3);
      await stage.append(rowsFrom(4, 2));
      await stage.close();
      const again = await StagedFeatures.open(folder, PLAN);
      expect(again.truncated).toBe(3);
      await again.append(rowsFrom(6, 2), 1);
      expect(again.truncated).toBe(4);
      await again.close();
      const records = join(folder, 'progress.jsonl');
      await writeFile(records, (await readFile(records, 'utf8')).replace('"truncated":3', '"truncated":2'));
      const changed = await StagedFeatures.open(folder, PLAN);
      expect([changed.rowsDone, changed.truncated]).toEqual([0, 0]);
      await changed.close();
    }));

  it.each([
    { ...PLAN, fingerprint: 'other' },
    { ...PLAN, width: 1 },
  ])('starts over under plan %j and says so', (plan) =>
    inFolder(async (folder) => {
      await stageIn(folder);
      const { logger, lines } = recorder();
      const stage = await StagedFeatures.open(folder, plan, logger);
      expect(stage.rowsDone).toBe(0);
      expect(lines).toEqual([expect.stringContaining('starting over')]);
      await stage.close();
      expect(await readFile(join(folder, 'features.f32'))).toHaveLength(0);
    }),
  );

  it('refuses windows that are no rows, and values that are not finite', () =>
    inFolder(async (folder) => {
      const stage = await StagedFeatures.open(folder, PLAN);
      await stage.append(rowsFrom(0, 2));
      for (const bad of [[], [1], [1, 2, 3, 4], [1, NaN, 3], [1, 2, -Infinity]]) {
        await expect(stage.append(Float32Array.from(bad))).rejects.toMatchObject({ code: 'INVALID_VECTOR' });
      }
      await expect(stage.append(Float32Array.of(0, 0, 0, 0, NaN, 0))).rejects.toThrow(
        'row 3: value 1 of the raw feature is NaN',
      );
      await expect(readAll(stage, 0)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      expect((await readAll(stage)).values).toEqual([...rowsFrom(0, 2)]);
      await stage.close();
    }));

  const [values, progress] = ['features.f32', 'progress.jsonl'];
  it.each<[string, (folder: string) => Promise<void>, number]>([
    ['a window was being written', (folder) => appendFile(join(folder, values), Buffer.alloc(17)), 10],
    ['a record was being written', (folder) => appendFile(join(folder, progress), '{"rows":1,"sha'), 10],
    ['the last window is cut', (folder) => truncate(join(folder, values), 9 * 12 + 5), 9],
    ['the values are gone', (folder) => truncate(join(folder, values), 0), 0],
    ['the records are gone', (folder) => truncate(join(folder, progress), 0), 0],
    ['the plan is damaged', (folder) => truncate(join(folder, 'plan.json'), 9), 0],
    [
      'a record claims more than there is',
      (folder) => appendFile(join(folder, progress), '{"rows":9007199254740991,"truncated":0,"sha256":"x"}\n'),
      10,
    ],
    [
      'a record is not a number of rows',
      (folder) => appendFile(join(folder, progress), '{"rows":-3,"truncated":0,"sha256":"x"}\n'),
      10,
    ],
  ])('keeps the complete windows when %s', (_, damage, kept) =>
    inFolder(async (folder) => {
      await stageIn(folder);
      await damage(folder);
      expect(await rowsAfter(folder)).toBe(kept);
    }),
  );

  it('keeps the windows before a flipped bit, wherever it is', () =>
    inFolder(async (folder) => {
      await stageIn(folder);
      const rng = Rng.stream('staged flips');
      for (const name of [values, progress]) {
        const path = join(folder, name);
        const bytes = await readFile(path);
        for (let i = 0; i < 15; i++) {
          const others = await Promise.all([values, progress].map((file) => readFile(join(folder, file))));
          const flipped = Buffer.from(bytes);
          const at = rng.int(bytes.length);
          flipped[at] = flipped[at]! ^ (1 << rng.int(8));
          await writeFile(path, flipped);
          const stage = await StagedFeatures.open(folder, PLAN);
          expect(stage.rowsDone).toBeLessThan(10);
          if (name === values) expect(stage.rowsDone).toBe(at < 4 * 12 ? 0 : at < 9 * 12 ? 4 : 9);
          expect((await readAll(stage)).values).toEqual([...rowsFrom(0, stage.rowsDone)]);
          await stage.close();
          await Promise.all([values, progress].map((file, k) => writeFile(join(folder, file), others[k]!)));
        }
      }
    }));

  it('refuses to read what changed since it was opened, and recomputes it after reopening', () =>
    inFolder(async (folder) => {
      await stageIn(folder);
      const stage = await StagedFeatures.open(folder, PLAN);
      const bytes = await readFile(join(folder, values));
      bytes[5 * 12] = bytes[5 * 12]! ^ 1;
      await writeFile(join(folder, values), bytes);
      await expect(readAll(stage)).rejects.toMatchObject({ code: 'INDEX_CORRUPT', details: { row: 4 } });
      await stage.close();
      expect(await rowsAfter(folder)).toBe(4);
    }));
});
