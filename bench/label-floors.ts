/**
 * An index that chose for itself beside one of plain embeddings, as a prompt sees them: what a floor of labels (`minLabels`) costs and gives, what
 * the index costs to build and to ask. Markdown rows on stdout; times mean something on a machine that does nothing else.
 *
 *     npx tsx bench/label-floors.ts ENCODER DATA_FOLDER SET[,SET …] [floors=0,2,3,5] [losses=kl|none] [threads=0]
 *
 * DATA_FOLDER/SET/train.jsonl (text, label) makes both indexes; the texts of test.jsonl, 1,000 at most, drawn with seed 0, are asked for 20 examples.
 * Columns: set; labels of the set; floor; queries with an example of their label, in percent, by embedding and by auto; share of the examples that
 * have it, by both, and what auto gains over the embedding without a floor, with its paired interval; labels among the examples, mean, by both; on
 * the set's first row, by both, seconds to build the index and milliseconds of one query (median of 200 asked one after the other).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '../src/core/rng.js';
import { pairedBootstrap } from '../src/eval/measures/intervals.js';
import { labelHitAt, ownLabels, sameLabelShareAt, type OwnLabel } from '../src/eval/measures/metrics.js';
import { FungiSelector } from '../src/selector/selector.js';
import { readRows } from './read-rows.js';
import { percentile } from './serve/load.js';

const K = 20;
const QUERIES = 1000;
/** Asked one by one. */
const SINGLE = 200;

const [encoder, data, sets, floors = '0,2,3,5', losses = 'kl', threads = '0'] = process.argv.slice(2);
if (encoder === undefined || data === undefined || sets === undefined)
  throw new Error('usage: label-floors.ts ENCODER DATA_FOLDER SET[,SET …] [floors] [kl|none] [threads]');

const rowsOf = (set: string, part: string) => readRows(join(data, set, `${part}.jsonl`));
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (value: number): string => (100 * value).toFixed(1);
const signed = (value: number): string => (value < 0 ? '' : '+') + percent(value);
const shares = (own: readonly OwnLabel[]): number[] => own.map((each) => sameLabelShareAt(K, each));
const hits = (own: readonly OwnLabel[]): number => mean(own.map((each) => labelHitAt(K, each)));

const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));
try {
  for (const set of sets.split(',')) {
    const [train, all] = [rowsOf(set, 'train'), rowsOf(set, 'test')];
    const test = Rng.stream(0, 'queries')
      .sample(all.length, Math.min(QUERIES, all.length))
      .map((row) => all[row]!);
    const common = { indexes: folder, encoder, threads: Number(threads), examples: train };
    const began = performance.now();
    const embedding = await FungiSelector.build({
      ...{ ...common, name: `${set}-embedding`, features: { losses: [] }, reducer: { kind: 'pca' } },
    });
    const between = performance.now();
    const auto = await FungiSelector.build({
      ...{ ...common, name: `${set}-auto`, features: { losses: losses === 'none' ? [] : [{ name: 'kl' }] } },
      // Whatever else the machine does, the same is tried.
      reducer: { kind: 'auto', budgetSeconds: 86_400 },
    });
    const builds = [between - began, performance.now() - between] as const;
    const ask = async (selector: FungiSelector, floor: number) => {
      const policy = floor === 0 ? {} : { policy: { minLabels: floor } };
      const found = await selector.selectBatch(test.map(({ input }) => input), { k: K, ...policy }); // prettier-ignore
      const labels = found.map(({ examples }) => examples.map(({ label }) => label));
      const own = ownLabels(test.map(({ label }) => label), labels); // prettier-ignore
      return { own, labels: mean(labels.map((each) => new Set(each).size)) };
    };
    const single = async (selector: FungiSelector): Promise<number> => {
      const each: number[] = [];
      for (const { input } of test.slice(0, SINGLE)) {
        const asked = performance.now();
        await selector.select(input, { k: K });
        each.push(performance.now() - asked);
      }
      return percentile(each, 0.5);
    };
    const plain = await ask(embedding, 0);
    const queries = [await single(embedding), await single(auto)] as const;
    const costs = [
      builds.map((milliseconds) => (milliseconds / 1000).toFixed(0)).join(' / '),
      queries.map((milliseconds) => milliseconds.toFixed(1)).join(' / '),
    ];
    for (const [row, floor] of floors.split(',').map(Number).entries()) {
      const [a, b] = [await ask(embedding, floor), await ask(auto, floor)];
      const gain = pairedBootstrap([shares(plain.own)], [shares(b.own)], Rng.stream(0, 'floors', floor));
      const cells = [
        ...[set, new Set(train.map(({ label }) => label)).size, floor === 0 ? 'none' : floor],
        ...[`${percent(hits(a.own))} / ${percent(hits(b.own))}`],
        `${percent(mean(shares(a.own)))} / ${percent(mean(shares(b.own)))}`,
        `${signed(gain.difference)} (${signed(gain.low)} to ${signed(gain.high)})`,
        `${a.labels.toFixed(1)} / ${b.labels.toFixed(1)}`,
        ...(row === 0 ? costs : ['', '']),
      ];
      console.log(`| ${cells.join(' | ')} |`);
    }
    await embedding.close();
    await auto.close();
  }
} finally {
  rmSync(folder, { recursive: true });
}
