/**
 * Whether calibrated confidence holds for queries that neither the index nor the calibration has seen, as Markdown rows on stdout.
 *
 *     npx tsx bench/calibration.ts ENCODER DATA_FOLDER SET[,SET …] [precision=0.95[,…]] [recipe=auto|pca] [losses=kl|none] [threads=0]
 *
 * Of DATA_FOLDER/SET/train.jsonl (text, label) a fifth is held out, 2,000 rows at most, drawn with seed 0; the others make an index. It is
 * calibrated on those held out and, by auto, on what its build held out of the others, and asked the texts of test.jsonl; calibrated by its
 * build, it is asked those held out as well, which are of the same kind as its examples. Columns: set; what it is calibrated on; what is asked;
 * rows of the index, measured and asked; accuracy of the likeliest label on the rows measured and asked; expected calibration error (15 bins) of
 * the shares of the vote and of the calibrated confidence on the rows asked; the precision; the threshold for it; the share of rows that are
 * answered with it; the share of those answers that are right, with Wilson's interval.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../src/core/rng.js';
import type { ExampleInput } from '../src/core/item.js';
import { wilson } from '../src/core/wilson.js';
import { calibrationError, type Calibration } from '../src/policies/calibration.js';
import { FungiSelector } from '../src/selector/selector.js';
import { readRows } from './read-rows.js';

const [encoder, data, sets, precisions = '0.95', recipe = 'auto', losses = 'kl', threads = '0'] = process.argv.slice(2);
if (encoder === undefined || data === undefined || sets === undefined || (recipe !== 'auto' && recipe !== 'pca'))
  throw new Error(
    'usage: calibration.ts ENCODER DATA_FOLDER SET[,SET …] [precision[,…]] [auto|pca] [kl|none] [threads]',
  );

const rowsOf = (set: string, part: string) => readRows(join(data, set, `${part}.jsonl`));
const percent = (value: number): string => (100 * value).toFixed(1);
const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));

try {
  for (const set of sets.split(',')) {
    const [all, test] = [rowsOf(set, 'train'), rowsOf(set, 'test')];
    const held = new Set(Rng.stream(0, 'held out').sample(all.length, Math.min(2000, Math.floor(all.length / 5))));
    const train = all.filter((_, row) => !held.has(row));
    const heldOut = all.filter((_, row) => held.has(row));
    const selector = await FungiSelector.build({
      ...{ name: 'calibrated', indexes: folder, encoder, threads: Number(threads) },
      features: { losses: losses === 'none' ? [] : [{ name: 'kl' }] },
      // Whatever else the machine does, the same is tried.
      reducer: recipe === 'pca' ? { kind: recipe } : { kind: recipe, budgetSeconds: 86_400 },
      examples: train,
    });
    const ask = async (rows: readonly ExampleInput[], calibration: Calibration) => {
      const policy = { abstain: { below: 0 }, calibration };
      const found = await selector.selectBatch(rows.map(({ input }) => input), { policy }); // prettier-ignore
      return {
        scores: found.map(({ posterior }) => posterior!.confidence),
        hits: found.map(({ posterior }, i) => posterior!.labels[0]!.label === rows[i]!.label),
      };
    };
    const own = selector.manifest.auto?.confidence !== undefined;
    const trials = [
      ['held out', { examples: heldOut }, 'test', test],
      ...(own ? ([['its build', {}, 'test', test], ['its build', {}, 'held out', heldOut]] as const) : []), // prettier-ignore
    ] as const;
    for (const [measured, way, asked, rows] of trials) {
      const raw = await ask(rows, { method: 'temperature', slope: 1 });
      for (const precision of precisions.split(',')) {
        const found = await selector.calibrate({ ...way, precision: Number(precision) });
        const { calibration, accuracy, abstention, queries } = found;
        const { scores, hits } = await ask(rows, calibration);
        const below = abstention?.threshold;
        const answered = hits.filter((_, i) => below !== undefined && scores[i]! >= below);
        const right = answered.filter(Boolean).length;
        const { low, high } = wilson(right, Math.max(1, answered.length));
        const cells = [
          ...[set, measured, asked, `${train.length}, ${queries}, ${rows.length}`],
          `${percent(accuracy)}, ${percent(hits.filter(Boolean).length / hits.length)}`,
          `${calibrationError(raw.scores, raw.hits).toFixed(3)}, ${calibrationError(scores, hits).toFixed(3)}`,
          ...[precision, below?.toFixed(3) ?? 'none', percent(answered.length / rows.length)],
          answered.length === 0 ? '' : `${percent(right / answered.length)} (${percent(low)} to ${percent(high)})`,
        ];
        console.log(`| ${cells.join(' | ')} |`);
      }
    }
    await selector.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
