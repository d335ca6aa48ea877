/**
 * Whether calibrated confidence holds for queries that neither the index nor the calibration has seen, as Markdown rows on stdout.
 *
 *     npx tsx bench/calibration.ts ENCODER_FOLDER DATA_FOLDER SET[,SET …] [precision=0.95] [recipe=auto|pca] [threads=0]
 *
 * Of DATA_FOLDER/SET/train.jsonl (text, label) a fifth is held out, 2,000 rows at most, drawn with seed 0; the others make an index, which is
 * calibrated on those held out and, by auto, on what its build held out of the others (a row each), and asked the texts of test.jsonl. Columns: set;
 * what it is calibrated on; rows of the index, measured and of the test; accuracy of the likeliest label on the rows measured and on the test rows;
 * expected calibration error (15 bins) of the shares of the vote and of the calibrated confidence on the test rows; the threshold for that
 * precision; the share of test rows that are answered with it; the share of those answers that are right, with Wilson's interval.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../src/core/rng.js';
import { wilson } from '../src/core/wilson.js';
import { calibrationError } from '../src/policies/calibration.js';
import type { PolicyOptions } from '../src/policies/options.js';
import { FungiSelector } from '../src/selector/selector.js';

const [encoder, data, sets, precision = '0.95', recipe = 'auto', threads = '0'] = process.argv.slice(2);
if (encoder === undefined || data === undefined || sets === undefined || (recipe !== 'auto' && recipe !== 'pca'))
  throw new Error('usage: calibration.ts ENCODER_FOLDER DATA_FOLDER SET[,SET …] [precision] [auto|pca] [threads]');

const rowsOf = (set: string, part: string): { text: string; label: string }[] =>
  readFileSync(join(data, set, `${part}.jsonl`), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { text: string; label: string });
const percent = (value: number): string => (100 * value).toFixed(1);
const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));

try {
  for (const set of sets.split(',')) {
    const [all, test] = [rowsOf(set, 'train'), rowsOf(set, 'test')];
    const held = new Set(Rng.stream(0, 'held out').sample(all.length, Math.min(2000, Math.floor(all.length / 5))));
    const labelled = all.map(({ text, label }) => ({ input: text, label }));
    const train = labelled.filter((_, row) => !held.has(row));
    const heldOut = labelled.filter((_, row) => held.has(row));
    const selector = await FungiSelector.build({
      ...{ name: 'calibrated', indexes: folder, encoder, threads: Number(threads), reducer: { kind: recipe } },
      examples: train,
    });
    const ask = async (policy: PolicyOptions) => {
      const found = await selector.selectBatch(test.map(({ text }) => text), { policy }); // prettier-ignore
      return {
        scores: found.map(({ posterior }) => posterior!.confidence),
        hits: found.map(({ posterior }, i) => posterior!.labels[0]!.label === test[i]!.label),
      };
    };
    const raw = await ask({ abstain: { below: 0 }, calibration: { method: 'temperature', slope: 1 } });
    const ways = [{ examples: heldOut }, ...(selector.manifest.auto?.confidence ? [{}] : [])];
    for (const way of ways) {
      const measured = await selector.calibrate({ ...way, precision: Number(precision) });
      const { calibration, accuracy, abstention, queries, measuredOn } = measured;
      const { scores, hits } = await ask({ abstain: { below: 0 }, calibration });
      const below = abstention?.threshold;
      const answered = hits.filter((_, i) => below !== undefined && scores[i]! >= below);
      const right = answered.filter(Boolean).length;
      const { low, high } = wilson(right, Math.max(1, answered.length));
      const cells = [
        ...[set, measuredOn === 'build' ? 'its build' : 'held out'],
        `${train.length}, ${queries}, ${test.length}`,
        `${percent(accuracy)}, ${percent(hits.filter(Boolean).length / hits.length)}`,
        `${calibrationError(raw.scores, raw.hits).toFixed(3)}, ${calibrationError(scores, hits).toFixed(3)}`,
        below?.toFixed(3) ?? 'none',
        percent(answered.length / test.length),
        answered.length === 0 ? '' : `${percent(right / answered.length)} (${percent(low)} to ${percent(high)})`,
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
    await selector.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
