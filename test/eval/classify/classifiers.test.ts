/** What the classifiers take from the pool, from the seed, and from the queries. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import { Rng } from '../../../src/core/rng.js';
import { classifyAll, type Classifier } from '../../../src/eval/classify/classify.js';
import { clusterClassifier } from '../../../src/eval/classify/cluster.js';
import { linearClassifier } from '../../../src/eval/classify/linear.js';
import { rowsInMemory } from '../../../src/eval/features/row-source.js';
import { retrieveAll } from '../../../src/eval/retrieval/feature-retrieval.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';
import { tinyPool } from '../../support/tiny-extractor.js';

describe('linear', () => {
  it('chooses its penalty on rows that were held out, not on those it was fitted to', async () => {
    // Labels are noise: the weakest penalty always fits its own rows best, and on others it is one among five.
    const rng = Rng.stream(0, 'linear-test');
    const [count, width] = [60, 30];
    const rows = rowsInMemory(
      Float32Array.from({ length: count * width }, () => rng.float() - 0.5),
      width,
    );
    const pool = Array.from({ length: count }, (_, i) => ({ input: `text ${i}`, label: `label ${rng.int(3)}` }));
    const chosen = new Set<number>();
    for (let seed = 0; seed < 12; seed++) {
      const truth = pool.map(({ label }) => label);
      const set = { pool: rows, queries: rows, copies: pool.map((_, row) => row) };
      const { measures } = await linearClassifier({ dims: width }).classify({ rows: set, pool, truth, seed });
      chosen.add(measures!['l2']!);
    }
    expect(chosen.size).toBeGreaterThan(1);
  });
});

describe('cluster', () => {
  it('finds planted clusters without a label of the pool', async () => {
    const rng = Rng.stream(1, 'cluster-test');
    const truth = Array.from({ length: 60 }, (_, i) => `label ${i % 3}`);
    const points = (noise: number): Float32Array =>
      Float32Array.from({ length: 60 * 3 }, (_, i) => (Math.floor(i / 3) % 3 === i % 3 ? 1 : 0) + noise * rng.float());
    const pool = truth.map((_, i) => ({ input: `text ${i}`, label: 'the same' }));
    const rows = {
      ...{ pool: rowsInMemory(points(0.1), 3), queries: rowsInMemory(points(0.1), 3) },
      copies: pool.map((_, row) => row),
    };
    const { predicted, measures } = await clusterClassifier().classify({ rows, pool, truth, seed: 0 });
    expect(predicted).toEqual(truth);
    expect(measures).toEqual({ nmi: expect.closeTo(1, 9) as number, ari: expect.closeTo(1, 9) as number });
  });
});

describe('seeds', () => {
  const rows = tinyPool.map((input, i) => ({ input, label: `label ${i % 2}` }));
  const [train, test] = [rows.slice(0, 18), rows.slice(18)];
  const settings = { projection: { kind: 'khatri-rao' as const, width: 6 } };
  const pools = [0, 1].map((seed) => ({ seed, shots: null, rows: train.map((_, row) => row) }));
  let engine: GradientEngine;
  beforeAll(async () => {
    engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first'));
  });
  afterAll(() => engine.close());

  /** Sums the features of the queries: what it says depends on every one of them. */
  const summing = (seeded: boolean, calls: string[]): Classifier => ({
    seeded,
    async classify({ rows: { queries }, seed }) {
      const values = await queries.read(0, queries.count);
      calls.push(String(seed));
      return { predicted: test.map(() => ''), dims: 1, measures: { sum: values.reduce((a, b) => a + b, 0) } };
    },
  });

  it.each([
    ['that no seed decides', false, ['0', '0', '1']],
    ['that a seed decides', true, ['0', '0', '1', '1']],
  ])('are run anew of a classifier %s, where features or it depend on them', async (_, seeded, expected) => {
    const calls: string[] = [];
    const { runs } = await classifyAll(engine, {
      ...{ train, test, pools, settings, features: ['embedding', 'only:kl'] },
      classifier: summing(seeded, calls),
    });
    expect(calls).toEqual(expected);
    const sums = (features: string): number[] =>
      runs.filter((run) => run.features === features).map(({ measures }) => measures!['sum']!);
    expect(sums('embedding')[0]).toBe(sums('embedding')[1]);
    expect(sums('only:kl')[0]).not.toBe(sums('only:kl')[1]);
    expect(runs.map(({ seed }) => seed)).toEqual([0, 0, 1, 1]);
  });

  it('change rankings by gradients, and leave those by embeddings', async () => {
    const runs = await retrieveAll(engine, { train, test, pools, settings, features: ['embedding', 'only:kl'] });
    const precisions = (features: string): unknown[] =>
      runs.filter((run) => run.features === features).map(({ retrieval }) => retrieval.queries);
    expect(precisions('embedding')[0]).toEqual(precisions('embedding')[1]);
    expect(precisions('only:kl')[0]).not.toEqual(precisions('only:kl')[1]);
  });
});
