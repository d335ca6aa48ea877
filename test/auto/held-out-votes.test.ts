/** What neighbours say of held-out rows is what the posterior of an index says. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Choice } from '../../src/auto/choose.js';
import { Folds } from '../../src/auto/folds.js';
import { heldOutVotes, likeliest } from '../../src/auto/held-out-votes.js';
import type { Candidate } from '../../src/policies/candidate.js';
import { parsePolicy } from '../../src/policies/options.js';
import { selectExamples } from '../../src/policies/pipeline.js';
import { USUAL_VOTERS } from '../../src/policies/usual-vote.js';
import { Blend } from '../../src/reduce/blend.js';
import { LabelledStatistics, rowsAt } from '../../src/reduce/labelled-statistics.js';
import { Lda, LdaFitter } from '../../src/reduce/lda.js';
import { PcaFitter } from '../../src/reduce/pca.js';
import { queriesAt, STORED_SHARE } from '../../src/reduce/shares.js';
import { ExactSearch } from '../../src/retrieve/exact-search.js';
import { clusters } from '../reduce/clusters.js';

/** As an index has it of these candidates, of which the nearest vote. */
const indexSays = (near: readonly Pick<Candidate, 'row' | 'distance'>[], labelOf: (row: number) => string) =>
  selectExamples(
    near.map(({ row, distance }) => ({
      ...{ row, distance, vector: new Float32Array(1) },
      example: { id: `r${row}`, input: `text ${row}`, label: labelOf(row), metadata: {} },
    })),
    { policy: parsePolicy({}, 20), k: 20, metric: 'cosine', query: 'query', key: ({ example }) => example.input },
  ).posterior();

describe('the likeliest label', () => {
  it('is the first of a posterior, with its share, also where many rows are equally near', () => {
    // On a grid: what differs in a cosine differs in a distance.
    const cosines = fc.oneof(
      fc.constantFrom(1, 0.5, 0.25, 0, -1),
      fc.integer({ min: -1000, max: 1000 }).map((value) => value / 1000),
    );
    const rows = fc.array(fc.tuple(cosines, fc.nat(3)), { minLength: 1, maxLength: USUAL_VOTERS + 60 });
    fc.assert(
      fc.property(rows, (given) => {
        const similarity = Float32Array.from(given, ([cosine]) => cosine);
        const codes = given.map(([, code]) => code);
        const near = [...similarity]
          .map((cosine, row) => ({ row, distance: Math.max(0, 1 - cosine) }))
          .sort((a, b) => a.distance - b.distance || a.row - b.row)
          .slice(0, USUAL_VOTERS);
        const [first] = indexSays(near, (row) => String(codes[row])).labels;
        const found = likeliest(similarity, codes);
        expect({ ...found, label: String(found.label) }).toEqual(first);
        expect(found.probability).toBeGreaterThan(0);
        expect(found.probability).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200, seed: 1 },
    );
  });
});

const blocks = [
  { name: 'kl', start: 0, width: 5 },
  { name: 'embedding', start: 5, width: 6 },
];
const F = 11;
const DIMS = 8;

async function folded() {
  const { rows, labels } = clusters({ classes: 4, each: 40, width: F, noise: 2 });
  const statistics = new LabelledStatistics(F, { rows: 4096, seed: 0 });
  await statistics.add(rows, labels);
  const sample = statistics.sample();
  const pca = new PcaFitter(6);
  const embeddings = Float32Array.from({ length: labels.length * 6 }, (_, at) => rows[Math.floor(at / 6) * F + 5 + (at % 6)]!); // prettier-ignore
  await pca.add(embeddings);
  const unsupervised = await pca.fit(DIMS - 3);
  const plain = await unsupervised.transform(embeddings);
  const folds = await Folds.create(await statistics.classSums(), sample, { blocks, dims: DIMS >> 1, seed: 0, plain });
  return { rows, labels, folds, unsupervised };
}

const choice = (losses: readonly string[], vote: number): Choice => ({
  ...{ losses, shrinkage: 0.2, k: 3 },
  shares: { selection: 0, vote },
});

describe('votes on held-out rows', () => {
  it('are of every scored row once, in the fold that first held it out', async () => {
    const { folds, labels } = await folded();
    // Small pools are drawn anew: there are more folds than the first five, in which every row had its turn.
    expect(folds.all.length).toBeGreaterThan(5);
    const {
      shares,
      right,
      folds: numbers,
    } = await heldOutVotes(
      folds,
      new Map([0, 1, 2, 3, 4].map((fold) => [fold, choice(fold % 2 === 0 ? [] : ['kl'], 0.5)])),
    );
    expect([shares.length, right.length, numbers.length]).toEqual([labels.length, labels.length, labels.length]);
    expect(new Set(numbers)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(shares.every((share) => share > 0 && share <= 1)).toBe(true);
    const accuracy = right.reduce((sum, value) => sum + value, 0) / labels.length;
    expect(accuracy).toBeGreaterThan(0.5);
    expect(accuracy).toBeLessThan(1);
  });

  it.each([
    ['the plain embedding', 0],
    ['a share of what tells labels apart', 0.35],
    ['nearly that alone', 0.95],
  ])('are those of an index of the other rows, by %s', async (_, vote) => {
    const { folds, rows, labels, unsupervised } = await folded();
    const { queries, voters } = folds.all[0]!.out;
    const fitter = new LdaFitter(F, { shrinkage: 0.2 });
    await fitter.add(
      rowsAt(rows, F, voters),
      voters.map((row) => labels[row]),
    );
    const lda = await fitter.fit(DIMS >> 1);
    if (!(lda instanceof Lda)) throw new Error('no LDA');
    const reducer = new Blend(lda, unsupervised, STORED_SHARE, 5);
    const [stored, asked] = [await reducer.transform(rowsAt(rows, F, voters)), await reducer.transform(rowsAt(rows, F, queries))]; // prettier-ignore
    const search = await ExactSearch.create(stored, { rows: voters.length, dims: reducer.dims, metric: 'product' });
    const parts = { supervised: reducer.supervised.dims, unsupervised: unsupervised.dims };
    const found = await search.search(queriesAt(vote, asked, parts), USUAL_VOTERS);
    const { shares, right } = await heldOutVotes(folds, new Map([[0, choice(['kl'], vote)]]));
    expect(shares).toHaveLength(queries.length);
    found.forEach((near, q) => {
      const at = near.map(({ row, distance }) => ({ row, distance: Math.max(0, distance) }));
      const [first] = indexSays(at, (row) => labels[voters[row]!]!).labels;
      expect(shares[q]).toBeCloseTo(first!.probability, 3);
      expect(right[q]).toBe(Number(first!.label === labels[queries[q]!]));
    });
  });
});
