/** Figures of a comparison counted by hand, and what the verdict says of them. */
import { describe, expect, it } from 'vitest';
import type { Comparison, SelectorRun } from '../../../src/eval/compare/compare.js';
import { compareReport, verdict } from '../../../src/eval/compare/compare-report.js';
import { namedSelectors } from '../../../src/eval/compare/named-selectors.js';

const POOL = ['x', 'x', 'y', 'z'].map((label, row) => ({ input: `text ${row}`, label }));

function runOf(
  selector: string,
  rows: readonly (readonly number[])[],
  truth: readonly string[],
  seed = 0,
): SelectorRun {
  const predicted = rows.map(([first]) => (first === undefined ? '' : POOL[first]!.label));
  return {
    selector,
    seed,
    rows,
    predicted,
    correct: predicted.map((label, i) => label === truth[i]),
    seconds: truth.length / 1000,
  };
}

it('counts accuracy, F1, own labels shown, what is leaked and what is empty', () => {
  const truth = ['x', 'y', 'z', 'z'];
  const queries = truth.map((label, i) => ({ input: `query ${i}`, label }));
  const comparison: Comparison = {
    runs: [runOf('embedding', [[0, 1], [2, 0], [0, 3], []], truth), runOf('bm25', [[2], [0], [0], [0]], truth)],
    leaked: [true, false, false, false],
  };
  const report = compareReport(comparison, { pool: POOL, queries, k: 2 });
  expect(report).toMatchObject({ baseline: 'embedding', seeds: 1, k: 2, queries: 4, leaked: 1 });
  const [embedding, bm25] = report.summary;
  // x: precision ½, recall 1; y: 1 and 1; z: never.
  expect(embedding).toMatchObject({
    ...{ accuracy: 0.5, labelHit: 0.75, accuracyUnleaked: 1 / 3, empty: 1, secondsPerQuery: 0.001 },
    sameLabel: (1 + 0.5 + 0.5 + 0) / 4,
  });
  expect(embedding!.macroF1).toBeCloseTo((2 / 3 + 1 + 0) / 3, 12);
  expect(embedding!.gain).toBeUndefined();
  expect(bm25).toMatchObject({ accuracy: 0, macroF1: 0, labelHit: 0, sameLabel: 0, empty: 0 });
  // Two discordant pairs, both lost: mid-p 2·¼ − ¼.
  expect(bm25!.gain!.difference).toBe(-0.5);
  expect([bm25!.gain!.p, bm25!.gain!.adjusted]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.25, 12)]);
});

describe('the verdict', () => {
  /** Selectors that are right on the first so many of 200 queries. */
  const verdictOf = (
    right: Record<string, number>,
    { leaked = 0, baseline }: { leaked?: number; baseline?: string } = {},
  ): string => {
    const truth = Array.from({ length: 200 }, () => 'x');
    const queries = truth.map((label, i) => ({ input: `query ${i}`, label }));
    const runs = Object.entries(right).map(([name, count]) => runOf(name, truth.map((_, i) => [i < count ? 0 : 2]), truth)); // prettier-ignore
    const comparison = { runs, leaked: truth.map((_, i) => i < leaked) };
    return verdict(compareReport(comparison, { pool: POOL, queries, k: 1, baseline }));
  };

  it('names a selector that is surely better, by how much and at what cost', () => {
    expect(verdictOf({ embedding: 100, kl: 130 })).toMatch(
      /^Use kl: on these 200 queries the vote of its 1 examples is right 15\.0 points more often than that of embedding \(\+\d+\.\d to \+\d+\.\d\), .* p = \S+ after correction for 1 comparisons\. It takes 1\.0 ms a query, embedding 1\.0 ms a query\.$/,
    );
  });

  it('stays with the baseline where the difference may be chance, and says how near it is', () => {
    expect(verdictOf({ embedding: 100, kl: 103 })).toMatch(
      /^Stay with embedding: .* no selector is better by more than chance would bring about; kl is ahead by 1\.5 points \(p = 0\.\d+ after correction\)\.$/,
    );
  });

  it('says what is surely worse, and that nothing is ahead of the best', () => {
    expect(verdictOf({ embedding: 150, random: 20 })).toMatch(/^Stay with embedding: .* bring about\. Surely worse than embedding: random\.$/); // prettier-ignore
  });

  it('warns of queries that are in the pool', () => {
    expect(verdictOf({ embedding: 100, kl: 100 }, { leaked: 7 })).toContain('7 of the queries are in the pool');
  });

  it('takes another baseline, and refuses one that is not compared', () => {
    expect(verdictOf({ embedding: 150, bm25: 100 }, { baseline: 'bm25' })).toMatch(
      /^Use embedding: .* than that of bm25/,
    );
    expect(() => verdictOf({ embedding: 1 }, { baseline: 'kl' })).toThrow(
      'baseline "kl" is not compared; embedding are',
    );
  });
});

describe('names', () => {
  const engine = () => Promise.reject(new Error('no engine is needed'));
  const options = { seeds: [0] };

  it('need an engine only for features', async () => {
    const selectors = await namedSelectors(['random', 'bm25', 'mine=python3 x.py --a=b'], options, engine);
    expect(selectors.map(({ name }) => name)).toEqual(['random', 'bm25', 'mine']);
    await expect(namedSelectors(['kl'], options, engine)).rejects.toThrow('no engine is needed');
  });

  it.each([
    [['random', 'nearest'], '"nearest" is not a selector'],
    [['mmr:bm25'], '"mmr:bm25" is not a selector'],
    [['bm25', 'bm25'], 'selector "bm25" is given twice'],
    [['mine=a', 'mine=b'], 'selector "mine" is given twice'],
  ])('%j are refused', async (names, message) => {
    await expect(namedSelectors(names, options, engine)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});
