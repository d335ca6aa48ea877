/** The kNN protocol on the tiny BERT: one encoding pass for all feature sets and seeds. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import type { Pool } from '../../../src/eval/data/pools.js';
import { classifyAll, type ClassifyOptions } from '../../../src/eval/classify/classify.js';
import { knnClassifier, type KnnOptions } from '../../../src/eval/classify/knn.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';
import { tinyPool } from '../../support/tiny-extractor.js';

const rows = tinyPool.map((input) => ({ input, label: input.split(' ').length > 16 ? 'long' : 'short' }));
const [train, test] = [rows.slice(0, 18), rows.slice(18)];
const settings = { projection: { kind: 'nystrom' as const, landmarks: 8 } };

describe('kNN by feature set', () => {
  let engine: GradientEngine;
  beforeAll(async () => {
    engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first'));
  });
  afterAll(() => engine.close());

  const run = (
    { k = 3, ties = 'name', ...options }: Partial<ClassifyOptions> & KnnOptions,
    on: GradientEngine = engine,
  ) =>
    classifyAll(on, {
      train,
      test,
      features: ['embedding'],
      settings,
      classifier: knnClassifier({ k, ties }),
      ...options,
    });
  const evaluate = async (...args: Parameters<typeof run>) => (await run(...args)).runs;
  const all = train.map((_, row) => row);
  const under = (...seeds: number[]): Pool[] => seeds.map((seed) => ({ seed, shots: null, rows: all }));

  it('gives one result for each set and seed, with a vote for each test row', async () => {
    const results = await evaluate({ features: ['embedding', 'kl', 'only:kl'], pools: under(0, 1) });
    expect(results.map(({ features, seed }) => `${features} ${seed}`)).toEqual([
      'embedding 0',
      'kl 0',
      'only:kl 0',
      'embedding 1',
      'kl 1',
      'only:kl 1',
    ]);
    for (const { correct, predicted, pool } of results) {
      expect(predicted).toHaveLength(test.length);
      expect(correct).toEqual(predicted.map((label, i) => label === test[i]!.label));
      expect(pool).toBe(train.length);
    }
    expect(results[3]!.predicted).toEqual(results[0]!.predicted); // nothing of an embedding depends on the seed
  });

  it('encodes train and test once, whatever is compared', async () => {
    let encoded = 0;
    const counting = new Proxy(engine, {
      get: (target, name) =>
        name === 'encode'
          ? (items: readonly string[]) => {
              encoded += items.length;
              return target.encode(items);
            }
          : (Reflect.get(target, name) as unknown),
    });
    await evaluate({ features: ['embedding', 'kl', 'only:kl'], pools: under(0, 1, 2) }, counting);
    const distinct = new Set(rows.map(({ input }) => input)).size;
    const landmarks = 3 * 8; // each seed draws its own from the pool
    expect(encoded).toBeLessThanOrEqual(distinct + landmarks);
    expect(encoded).toBeGreaterThan(distinct);
  });

  it('encodes the rows that some pool has, and no others', async () => {
    const texts: string[] = [];
    const watching = new Proxy(engine, {
      get: (target, name) =>
        name === 'encode'
          ? (items: readonly string[]) => {
              texts.push(...items);
              return target.encode(items);
            }
          : (Reflect.get(target, name) as unknown),
    });
    const pools = [
      [0, 3, 5],
      [5, 7, 8],
    ];
    const sampled = pools.map((rows, seed) => ({ seed, shots: 3, rows }));
    const few = await evaluate({ pools: sampled }, watching);
    const expected = [...[0, 3, 5, 7, 8].map((row) => train[row]!), ...test].map(({ input }) => input);
    expect(new Set(texts)).toEqual(new Set(expected));
    // The same votes as each pool gets as a training set of its own.
    for (const [seed, pool] of pools.entries()) {
      const [alone] = await evaluate({
        pools: [{ seed, shots: null, rows: [0, 1, 2] }],
        train: pool.map((row) => train[row]!),
      });
      expect(few[seed]!.predicted).toEqual(alone!.predicted);
    }
  });

  it('lets the whole pool vote when it has no more than k rows', async () => {
    const pool = [
      { input: train[0]!.input, label: 'a' },
      { input: train[1]!.input, label: 'b' },
      { input: train[2]!.input, label: 'b' },
    ];
    const [result] = await evaluate({ train: pool, k: 20 });
    expect(result!.predicted).toEqual(test.map(() => 'b'));
  });

  it('tells which run it is at, and how many rows were cut', async () => {
    const runs: string[] = [];
    const { truncated } = await run({
      features: ['embedding', 'kl'],
      onProgress: ({ stage, done, total }) => stage === 'classify' && runs.push(`${done}/${total}`),
    });
    expect(runs).toEqual(['0/2', '1/2', '2/2']);
    expect(truncated).toEqual({ train: 0, test: 0 });
  });

  it('votes among the sampled pool only', async () => {
    const short = train.flatMap(({ label }, i) => (label === 'short' ? [i] : []));
    const [result] = await evaluate({ pools: [{ seed: 0, shots: 9, rows: short }] });
    expect(result!.pool).toBe(short.length);
    expect(new Set(result!.predicted)).toEqual(new Set(['short']));
  });

  it('breaks ties by name, as scikit-learn, unless told otherwise', async () => {
    // Two equally near neighbours of two labels: the nearest is named last.
    const query = train[0]!.input;
    const pair = [
      { input: query, label: 'z' },
      { input: train[1]!.input, label: 'a' },
    ];
    const options = { train: pair, test: [{ input: query, label: 'z' }], k: 2 };
    expect((await evaluate(options))[0]!.predicted).toEqual(['a']);
    expect((await evaluate({ ...options, ties: 'nearest' }))[0]!.predicted).toEqual(['z']);
    expect((await evaluate({ ...options, ties: ['z', 'a'] }))[0]!.predicted).toEqual(['z']);
  });

  it('refuses a feature set that is given twice', async () => {
    await expect(evaluate({ features: ['kl', 'embedding', 'kl'] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(evaluate({ features: ['kl', 'embedding+kl'] })).rejects.toThrow(/are the same set/);
  });

  it('names the feature sets there are', async () => {
    await expect(evaluate({ features: ['dino'] })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    await expect(evaluate({ features: ['only:embedding'] })).rejects.toThrow(/is not a feature set/);
  });
});
