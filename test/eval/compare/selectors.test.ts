/** What every selector promises, the baselines' own behaviour, and programs that answer well and badly. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import { bm25Selector, fixedSelector, randomSelector } from '../../../src/eval/compare/baselines.js';
import { commandSelector } from '../../../src/eval/compare/command-selector.js';
import { compareReport } from '../../../src/eval/compare/compare-report.js';
import { curvePoints } from '../../../src/eval/compare/curve.js';
import { compareSelectors } from '../../../src/eval/compare/compare.js';
import type { ExampleSelector } from '../../../src/eval/compare/example-selector.js';
import { featureSelectors, isFeatureSelector } from '../../../src/eval/compare/feature-selectors.js';
import { drawPools } from '../../../src/eval/data/pools.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';

/** Texts are ids, as the tiny encoder of the fixtures takes them. */
const POOL = Array.from({ length: 30 }, (_, i) => ({
  input: `2 ${5 + (i % 3) * 10} ${6 + i} ${30 + ((i * 7) % 20)} 3`,
  label: `label ${i % 3}`,
}));
const QUERIES = [
  { input: '2 5 9 33 3', label: 'label 0' },
  { input: '2 15 9 33 44 3', label: 'label 1' },
  { input: POOL[8]!.input, label: POOL[8]!.label },
];
const LABELS = POOL.map(({ label }) => label);
const POOLS = drawPools(LABELS, { shots: [null, 2], seeds: [0, 1] });
const task = (k = 4, seed = 0) => ({ pool: POOL, queries: QUERIES.map(({ input }) => input), k, seed, shots: null });

let engine: GradientEngine;
let byFeatures: ExampleSelector[];
const NAMES = ['embedding', 'kl', 'mmr:embedding', 'mmr:kl'];
beforeAll(async () => {
  engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first'));
  byFeatures = featureSelectors(engine, { names: NAMES, pool: POOL, pools: POOLS, dims: 8 });
});
afterAll(async () => {
  for (const selector of byFeatures) await selector.close?.();
  await engine.close();
});

describe.each(['random', 'fixed', 'bm25', ...NAMES])('%s', (name) => {
  const selector = (): ExampleSelector =>
    [randomSelector, fixedSelector, bm25Selector, ...byFeatures].find((each) => each.name === name)!;

  it('chooses at most k rows of the pool for each query, none twice, and the same again', async () => {
    for (const k of [1, 4, 100]) {
      const chosen = await selector().select(task(k));
      expect(chosen).toHaveLength(QUERIES.length);
      for (const rows of chosen) {
        expect(rows.length).toBeLessThanOrEqual(Math.min(k, POOL.length));
        expect(new Set(rows).size).toBe(rows.length);
        expect(rows.every((row) => row >= 0 && row < POOL.length)).toBe(true);
      }
      expect(await selector().select(task(k))).toEqual(chosen);
    }
  });

  it('does not depend on what else is asked', async () => {
    const all = await selector().select(task());
    if (NAMES.includes(name)) return; // one encoding for all: alone it is another pass
    const last = await selector().select({ ...task(), queries: [QUERIES[2]!.input] });
    expect(last[0]).toEqual(all[2]);
  });
});

describe('baselines', () => {
  it('at random differ from query to query and seed to seed, fixed ones from seed to seed only', async () => {
    const random = await randomSelector.select(task());
    expect(random[0]).not.toEqual(random[1]);
    expect(await randomSelector.select(task(4, 1))).not.toEqual(random);
    const fixed = await fixedSelector.select(task());
    expect(fixed[0]).toEqual(fixed[1]);
    expect(await fixedSelector.select(task(4, 1))).not.toEqual(fixed);
  });

  it('by words find the text itself first, and nothing for words that nobody has', async () => {
    const pool = ['reset my card', 'lost card', 'what is the weather'].map((input) => ({ input, label: 'x' }));
    const queries = ['the weather today', 'lost card', 'zzz'];
    expect(await bm25Selector.select({ pool, queries, k: 2, seed: 0, shots: null })).toEqual([[2], [1, 0], []]);
  });
});

it('features give as many as are asked for, also after fewer were', async () => {
  for (const selector of byFeatures) {
    await selector.select(task(1));
    expect((await selector.select(task(100)))[0]).toHaveLength(POOL.length);
  }
});

it('features of a part of the pool are those of a pool of its own', async () => {
  const { rows } = POOLS.find(({ seed, shots }) => seed === 1 && shots === 2)!;
  const part = rows.map((row) => POOL[row]!);
  const alone = featureSelectors(engine, {
    ...{ names: NAMES, pool: part, dims: 8 },
    pools: [{ seed: 1, shots: null, rows: part.map((_, row) => row) }],
  });
  for (const [i, selector] of byFeatures.entries()) {
    const own = { ...task(3, 1), pool: part };
    const chosen = await selector.select({ ...own, shots: 2 });
    expect(chosen.flat().every((row) => row < part.length)).toBe(true);
    expect(chosen).toEqual(await alone[i]!.select(own));
  }
  for (const selector of alone) await selector.close?.();
});

it('features find the text itself first, by nearness and by MMR', async () => {
  for (const selector of byFeatures) expect((await selector.select(task()))[2]![0]).toBe(8);
  expect(NAMES.every(isFeatureSelector)).toBe(true);
  expect(['random', 'mmr:random', 'mmr:', ''].some(isFeatureSelector)).toBe(false);
});

describe('a program', () => {
  const program = (body: string): ExampleSelector =>
    commandSelector('theirs', `node -e ${JSON.stringify(body.replaceAll('\n', ' '))}`);
  /** Reads everything, then answers each query with `rows`, an expression of `query` and `pool`. */
  const answering = (rows: string): ExampleSelector =>
    program(`
      const lines = require('fs').readFileSync(0, 'utf8').trim().split(String.fromCharCode(10)).map((l) => JSON.parse(l));
      const pool = lines.filter((l) => l.type === 'example');
      for (const query of lines.filter((l) => l.type === 'query').reverse())
        console.log(JSON.stringify({ query: query.query, rows: ${rows} }));
    `);

  it('is given pool, queries, k and seed, and may answer in any order', async () => {
    const chosen = await answering(
      "pool.filter((e) => e.text.split(' ')[1] === query.text.split(' ')[1]).map((e) => e.row)",
    ).select(task(3));
    expect(chosen).toEqual([
      [0, 3, 6],
      [1, 4, 7],
      [2, 5, 8],
    ]);
  });

  it.each([
    ['a row that there is not', answering('[99]'), /chose row 99 of a pool of 30/],
    ['a row twice', answering('[1, 1]'), /chose a row twice for query/],
    ['no rows', answering("'none'"), /answered "\{/],
    ['nothing', program('process.stdin.resume()'), /left query 0 of 3 unanswered/],
    ['prose', program("console.log('hello')"), /answered "hello"/],
    ['a query that there is not', program('console.log(\'{\\\\"query\\\\":7,\\\\"rows\\\\":[]}\')'), /answered/],
    ['an error', program("console.error('no such model'); process.exit(3)"), /ended with code 3: no such model/],
  ])('that answers %s is refused, with its words', async (_, selector, message) => {
    await expect(selector.select(task())).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(message) as string,
      hint: expect.stringContaining('row numbers of the pool') as string,
    });
  });

  it('that is not there is refused', async () => {
    await expect(commandSelector('absent', 'fungi-no-such-program').select(task())).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(/ended with code 127.*not found/s) as string,
    });
  });
});

describe('a comparison', () => {
  it('runs every selector under every seed, votes, and marks queries that are in the pool', async () => {
    const first: ExampleSelector = {
      ...{ name: 'first', seeded: true },
      select: ({ queries, k }) => Promise.resolve(queries.map(() => [0, 1, 3].slice(0, k))),
    };
    const none: ExampleSelector = {
      name: 'none',
      seeded: false,
      select: ({ queries }) => Promise.resolve(queries.map(() => [])),
    };
    const options = {
      pool: POOL,
      queries: QUERIES,
      selectors: [first, none],
      k: 3,
      pools: drawPools(LABELS, { seeds: [0, 5] }),
    };
    const { runs, leaked } = await compareSelectors(options);
    expect(runs.map(({ selector, seed }) => [selector, seed])).toEqual([
      ['first', 0],
      ['none', 0],
      ['first', 5],
      ['none', 5],
    ]);
    expect(runs[0]!.predicted).toEqual(['label 0', 'label 0', 'label 0']);
    expect(runs[0]!.correct).toEqual([true, false, false]);
    expect(runs[1]!.predicted).toEqual(['', '', '']);
    expect(leaked).toEqual([false, false, true]);
  });

  it('asks a selector that no seed changes once for each part of the pool', async () => {
    const asked: [number, number | null][] = [];
    const same: ExampleSelector = {
      ...{ name: 'same', seeded: false },
      select: ({ queries, seed, shots }) => {
        asked.push([seed, shots]);
        return Promise.resolve(queries.map(() => [asked.length]));
      },
    };
    const pools = drawPools(LABELS, { shots: [null, 2], seeds: [0, 1, 2] });
    const { runs } = await compareSelectors({ pool: POOL, queries: QUERIES, selectors: [same], k: 1, pools });
    expect(asked).toEqual([[0, null], [0, 2], [1, 2], [2, 2]]); // prettier-ignore
    expect(runs.map(({ seed, shots }) => [seed, shots])).toEqual(pools.map(({ seed, shots }) => [seed, shots]));
    expect(runs.slice(0, 3).map(({ rows }) => rows[0])).toEqual([[1], [1], [1]]);
    expect(runs.map(({ seconds }) => seconds === null)).toEqual([false, true, true, false, false, false]);
    const [summary] = compareReport({ runs, leaked: [] }, { pool: POOL, queries: QUERIES, k: 1 }).summary;
    // The time of one query is not divided by choices that were not made.
    expect(summary!.secondsPerQuery).toBeCloseTo(runs[0]!.seconds! / 3, 12);
  });

  it('of selectors that claim that no seed changes them finds the same choices under every seed', async () => {
    const unseeded = [bm25Selector, ...byFeatures].filter(({ seeded }) => !seeded);
    expect(unseeded.map(({ name }) => name)).toEqual(['bm25', 'embedding', 'mmr:embedding']);
    for (const selector of unseeded) expect(await selector.select(task(4, 1))).toEqual(await selector.select(task()));
    expect([randomSelector, fixedSelector, ...byFeatures].filter(({ seeded }) => seeded).map(({ name }) => name)).toEqual(['random', 'fixed', 'kl', 'mmr:kl']); // prettier-ignore
  });

  it('counts rows in the whole pool, whichever part was chosen from', async () => {
    const last: ExampleSelector = {
      ...{ name: 'last', seeded: true },
      select: ({ pool, queries }) => Promise.resolve(queries.map(() => [pool.length - 1])),
    };
    const pools = [
      { seed: 0, shots: null, rows: LABELS.map((_, row) => row) },
      { seed: 0, shots: 1, rows: [4, 6, 11] },
    ];
    const comparison = await compareSelectors({ pool: POOL, queries: QUERIES, selectors: [last], k: 1, pools });
    expect(comparison.runs.map(({ shots, rows }) => [shots, rows[0]])).toEqual([
      [null, [29]],
      [1, [11]],
    ]);
    expect(compareReport(comparison, { pool: POOL, queries: QUERIES, k: 1 }).summary).toHaveLength(1);
    expect(curvePoints(comparison, { pool: POOL, queries: QUERIES }).map(({ shots, whole }) => [shots, whole])).toEqual(
      [
        [1, false],
        [10, true],
      ],
    );
  });
});
