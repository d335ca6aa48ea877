/**
 * Whether confidence calibrated on the examples of an index holds for queries that it does not have, as Markdown rows on stdout.
 *
 *     npx tsx bench/calibration.ts ENCODER_FOLDER DATA_FOLDER SET[,SET …] [precision=0.95] [recipe=auto|pca] [threads=0]
 *
 * Builds an index of DATA_FOLDER/SET/train.jsonl (text, label), calibrates it there and asks it the texts of test.jsonl. Columns: set; training
 * and test rows; accuracy of the likeliest label on the examples themselves, each asked about by the others, and on the test rows; expected
 * calibration error (15 bins) of the shares of the vote and of the calibrated confidence on the test rows; the threshold for that precision;
 * the share of test rows that are answered with it; the share of those answers that are right, with Wilson's interval.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
    const [train, test] = [rowsOf(set, 'train'), rowsOf(set, 'test')];
    const selector = await FungiSelector.build({
      ...{ name: 'calibrated', indexes: folder, encoder, threads: Number(threads), reducer: { kind: recipe } },
      examples: train.map(({ text, label }) => ({ input: text, label })),
    });
    const { calibration, accuracy, abstention } = await selector.calibrate({ precision: Number(precision) });
    const ask = async (policy: PolicyOptions) => {
      const found = await selector.selectBatch(test.map(({ text }) => text), { policy }); // prettier-ignore
      return {
        scores: found.map(({ posterior }) => posterior!.confidence),
        hits: found.map(({ posterior }, i) => posterior!.labels[0]!.label === test[i]!.label),
      };
    };
    const raw = await ask({ abstain: { below: 0 } });
    const { scores, hits } = await ask({ abstain: { below: 0 }, calibration });
    const below = abstention?.threshold;
    const answered = hits.filter((_, i) => below !== undefined && scores[i]! >= below);
    const right = answered.filter(Boolean).length;
    const { low, high } = wilson(right, Math.max(1, answered.length));
    const cells = [
      set,
      `${train.length}/${test.length}`,
      `${percent(accuracy)}, ${percent(hits.filter(Boolean).length / hits.length)}`,
      `${calibrationError(raw.scores, raw.hits).toFixed(3)}, ${calibrationError(scores, hits).toFixed(3)}`,
      below?.toFixed(3) ?? 'none',
      percent(answered.length / test.length),
      answered.length === 0 ? '' : `${percent(right / answered.length)} (${percent(low)} to ${percent(high)})`,
    ];
    console.log(`| ${cells.join(' | ')} |`);
    await selector.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
