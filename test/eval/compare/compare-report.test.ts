/** Figures of a comparison counted by hand, and what the verdict says of them. */
import { describe, expect, it } from 'vitest';
import { wilson } from '../../../src/core/wilson.js';
import type { Comparison, SelectorRun } from '../../../src/eval/compare/compare.js';
import { compareReport, verdict } from '../../../src/eval/compare/compare-report.js';
import { namedSelectors, selectorTitles } from '../../../src/eval/compare/named-selectors.js';

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
    shots: null,
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
    ...{ sameLabel: (1 + 0.5 + 0.5 + 0) / 4, examples: 6 / 4, seconds: 0.004, ...wilson(2, 4) },
  });
  // All of x, all of y, none of z.
  expect(embedding!.meanPerClass).toBeCloseTo(2 / 3, 12);
  expect(embedding!.macroF1).toBeCloseTo((2 / 3 + 1 + 0) / 3, 12);
  expect(embedding!.gain).toBeUndefined();
  expect(bm25).toMatchObject({ accuracy: 0, macroF1: 0, labelHit: 0, sameLabel: 0, empty: 0 });
  // Two discordant pairs, both lost: mid-p 2·¼ − ¼.
  expect(bm25!.gain!.difference).toBe(-0.5);
  expect([bm25!.gain!.p, bm25!.gain!.adjusted]).toEqual([expect.closeTo(0.25, 12), expect.closeTo(0.25, 12)]);
});

it('takes several seeds together: bootstrap where they disagree, Wilson where they do not, and the time of features as timed', () => {
  const truth = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 'x' : 'y'));
  const queries = truth.map((label, i) => ({ input: `query ${i}`, label }));
  const firstRight = (name: string, count: number, seed: number): SelectorRun =>
    runOf(name, truth.map((label, i) => [(label === 'x') === i < count ? 0 : 2]), truth, seed); // prettier-ignore
  const runs = [0, 1].flatMap((seed) => [
    firstRight('random', 10 + seed, seed),
    firstRight('embedding', 30, seed),
    firstRight('kl', 30, seed),
  ]);
  const leaked = truth.map(() => false);
  const featureSeconds = new Map([
    ['embedding', 0.002],
    ['kl', null],
  ]);
  const report = compareReport({ runs, leaked }, { pool: POOL, queries, k: 1, featureSeconds });
  const [random, embedding, kl] = report.summary;
  expect(report).toMatchObject({ baseline: 'embedding', seeds: 2 });
  expect(embedding).toMatchObject({ accuracy: 0.75, ...wilson(30, 40), secondsPerQuery: 0.002, seconds: 0.08 });
  expect(random!.accuracy).toBeCloseTo(0.2625, 12);
  expect([random!.low < 0.2625, random!.high > 0.2625, random!.secondsPerQuery]).toEqual([true, true, 0.001]);
  // A bootstrap of 10,000 cannot get below 2/10,001, which Holm doubles, the smaller of two.
  expect(random!.gain!.p).toBeCloseTo(2 / 10_001, 12);
  expect(random!.gain!.adjusted).toBeCloseTo(4 / 10_001, 12);
  expect(kl).toMatchObject({ secondsPerQuery: null, gain: { difference: 0, low: 0, high: 0, p: 1, adjusted: 1 } });
  expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  expect(verdict(report)).toBe(
    'Stay with embedding: on these 40 queries under 2 seeds no other is right more often, and none is better by a difference that is ' +
      'significant at 5 % after correction for 2 comparisons. Significantly worse than embedding here: random. A query took 2.0 ms with ' +
      'embedding. None of the queries is in the pool.',
  );
});

describe('the verdict', () => {
  /** Selectors that are right on the first so many of 200 queries. */
  const verdictOf = (
    right: Record<string, number>,
    {
      leaked = 0,
      baseline,
      labels = ['x', 'y'],
    }: { leaked?: number; baseline?: string; labels?: readonly string[] } = {},
  ): string => {
    const truth = Array.from({ length: 200 }, (_, i) => labels[i % labels.length]!);
    const queries = truth.map((label, i) => ({ input: `query ${i}`, label }));
    const runs = Object.entries(right).map(([name, count]) => runOf(name, truth.map((label, i) => [(label === 'x') === i < count ? 0 : 2]), truth)); // prettier-ignore
    const comparison = { runs, leaked: truth.map((_, i) => i < leaked) };
    return verdict(compareReport(comparison, { pool: POOL, queries, k: 1, baseline }));
  };

  it('names a selector that is clearly better, by how much and at what cost', () => {
    expect(verdictOf({ embedding: 100, kl: 130 })).toMatch(
      /^Use kl: on these 200 queries the vote of its 1 example is right 15\.0 points more often than that of embedding \(95 % interval \+\d+\.\d to \+\d+\.\d\), which is significant at 5 % \(p < 0\.001\)\. A query took 1\.0 ms with kl, 1\.0 ms with embedding\. None of the queries is in the pool\.$/,
    );
  });

  it('does not take one winner for better than another that was not tested against it', () => {
    const words = verdictOf({ embedding: 100, kl: 130, simclr: 128 });
    expect(words).toMatch(/^Use kl: .* after correction for 2 comparisons/);
    expect(words).toContain('Significantly better than embedding too: simclr, not tested against kl.');
  });

  it('stays with the baseline where nothing is significant, and says how near it is', () => {
    expect(verdictOf({ embedding: 100, kl: 103 })).toMatch(
      /^Stay with embedding: on these 200 queries kl is ahead of it by 1\.5 points \(95 % interval \+0\.0 to \+\d\.\d, p = 0\.125\), and no difference from it is significant at 5 %\. A query took 1\.0 ms with embedding\./,
    );
    expect(verdictOf({ embedding: 100, kl: 100 })).toMatch(
      /^Stay with embedding: on these 200 queries no other is right more often, and no difference from it is significant/,
    );
  });

  it('says when the baseline is the best, and what is worse', () => {
    expect(verdictOf({ embedding: 150, random: 20, kl: 149 })).toMatch(
      /^Stay with embedding: .* no other is right more often, and none is better by .*\. Significantly worse than embedding here: random\./,
    );
  });

  it('counts queries that are in the pool, and gives the accuracy without them', () => {
    expect(verdictOf({ embedding: 100, kl: 130 }, { leaked: 50 })).toMatch(
      / 50 of the 200 queries \(25\.0 %\) are also in the pool, but for case and spaces; accuracy without: kl 53\.3 %, embedding 33\.3 %\.$/,
    );
    expect(verdictOf({ embedding: 100 }, { leaked: 1 })).toContain('1 of the 200 queries (0.5 %) is also in the pool');
    expect(verdictOf({ embedding: 100 }, { leaked: 200 })).toMatch(/these figures say nothing of new texts\.$/);
  });

  it('of one selector compares nothing', () => {
    expect(verdictOf({ bm25: 150 })).toBe(
      'Only bm25 was compared: on these 200 queries the vote of its 1 example is right 75.0 % of the time. None of the queries is in the pool.',
    );
  });

  it('takes another baseline, and refuses one that is not compared', () => {
    expect(verdictOf({ embedding: 150, bm25: 100 }, { baseline: 'bm25' })).toMatch(
      /^Use embedding: .* than that of bm25/,
    );
    expect(() => verdictOf({ embedding: 1, bm25: 1 }, { baseline: 'kl' })).toThrow('the baseline "kl" is not compared');
  });
});

describe('what a reader of accuracies overlooks', () => {
  /** Votes as given, one letter a query: of the true label, and of each selector. */
  const reportOf = (truth: string, votes: Record<string, string>, baseline?: string) => {
    const labels = Array.from(truth);
    const queries = labels.map((label, i) => ({ input: `query ${i}`, label }));
    const runs = Object.entries(votes).map(([name, each]) => runOf(name, Array.from(each, (label) => [{ x: 0, y: 2, z: 3 }[label]!]), labels)); // prettier-ignore
    return compareReport({ runs, leaked: labels.map(() => false) }, { pool: POOL, queries, k: 1, baseline });
  };
  const times = (text: string, count: number): string => text.repeat(count);

  it('is that one label has most queries: the verdict gives its share, and macro-F1', () => {
    const truth = times('x', 8) + 'yy';
    const report = reportOf(truth, {
      embedding: times('x', 10),
      kl: times('x', 9) + 'y',
      random: 'yy' + times('x', 8),
    });
    expect(report.majority).toEqual({ label: 'x', share: 0.8 });
    // Always "x": F1 of 16/18 and 0. kl: 16/17 and 2/3.
    expect(verdict(report)).toContain(
      '80.0 % of the queries have the label "x": always answering it would be right as often as that, which embedding does not beat. ' +
        'Macro-F1, which counts every label alike, is the figure to look at: 44.4 % with embedding; the highest is 80.4 % with kl (not tested).',
    );
  });

  it('is told of the winner and the baseline, and of one selector alone', () => {
    const truth = times('x', 60) + times('y', 40);
    const report = reportOf(truth, { embedding: times('x', 100), kl: truth });
    expect(verdict(report)).toContain('right as often as that. Macro-F1, which counts every label alike, is the figure to look at: 100.0 % with kl, 37.5 % with embedding (not tested).'); // prettier-ignore
    expect(verdict(reportOf(truth, { kl: truth }))).toMatch(/^Only kl was compared: .* 100\.0 % with kl \(not tested\)\. None/); // prettier-ignore
  });

  it('is nothing where no label has more than half of the queries', () => {
    const truth = times('x', 5) + times('y', 5);
    expect(reportOf(truth, { embedding: truth }).majority).toEqual({ label: 'x', share: 0.5 });
    expect(verdict(reportOf(truth, { embedding: truth, kl: truth }))).not.toContain('Macro-F1');
  });

  it('cannot steer a terminal, whatever the label', () => {
    const queries = [{ input: 'a', label: `\u001b[31m${'é'.repeat(100)}` }];
    const runs = [runOf('embedding', [[0]], ['x'])];
    const words = verdict(compareReport({ runs, leaked: [false] }, { pool: POOL, queries, k: 1 }));
    expect(words).toContain(`All queries have the label "\\u001b[31m${'é'.repeat(55)}…": these figures cannot tell a selector from always answering it.`); // prettier-ignore
    expect(words).not.toContain('Macro-F1');
  });

  it('is that bm25, which needs no encoder, is ahead or not significantly behind the best features', () => {
    const truth = times('xy', 100);
    const right = (count: number): string => truth.slice(0, count) + times('z', 200 - count);
    const words = (bm25: number, kl: number, baseline?: string): string =>
      verdict(reportOf(truth, { bm25: right(bm25), embedding: right(100), kl: right(kl) }, baseline));
    expect(words(150, 153)).toContain('bm25, which needs no encoder, is 1.5 points behind kl (not significant at 5 %, p = 0.250): these queries do not show that the encoder pays.'); // prettier-ignore
    expect(words(100, 100)).toContain('bm25, which needs no encoder, is right as often as embedding.');
    expect(words(150, 190)).not.toContain('no encoder');
    expect(words(101, 100)).toMatch(/^Stay with embedding: .* bm25 is ahead of it by 0\.5 points .* bm25 needs no encoder, and is ahead of embedding\./); // prettier-ignore
    // Not enough to beat the baseline, and more than features have.
    expect(verdict(reportOf(truth, { mine: right(102), bm25: right(104), kl: right(103) }))).toContain('bm25, which needs no encoder, is ahead of kl by 0.5 points (not significant at 5 %, p = 0.500).'); // prettier-ignore
    // The verdict advises bm25 itself: for a gain over the embedding, or as the baseline.
    expect(words(150, 100)).toMatch(/^Use bm25: .* bm25 needs no encoder\./);
    expect(words(100, 101, 'bm25')).toMatch(/^Stay with bm25: .* bm25 needs no encoder\./);
  });

  it('compares bm25 with features only', () => {
    const truth = 'xxyy';
    expect(reportOf(truth, { random: truth, bm25: 'zzzz', mine: truth }).overBm25).toBeNull();
    expect(reportOf(truth, { kl: truth }).overBm25).toBeNull();
    // Four discordant pairs: 2·(1/16) − 1/16, and the best of two was chosen.
    expect(reportOf(truth, { bm25: 'zzzz', kl: 'xzzz', 'mmr:kl': truth }).overBm25).toMatchObject({ selector: 'mmr:kl', difference: 1, p: expect.closeTo(1 / 8, 12) as number }); // prettier-ignore
  });

  it('has the p of the table where the table has the comparison of bm25 with the best features', () => {
    const truth = times('xy', 50);
    const right = (count: number): string => truth.slice(0, count) + times('z', 100 - count);
    const report = reportOf(truth, { embedding: right(60), bm25: right(52), kl: right(59), simclr: right(58) });
    const { adjusted, p } = report.summary.find(({ selector }) => selector === 'bm25')!.gain!;
    expect(report.overBm25).toMatchObject({ selector: 'embedding', p: adjusted });
    expect(adjusted).toBeGreaterThan(p);
  });
});

describe('names', () => {
  const engine = () => Promise.reject(new Error('no engine is needed'));
  const options = { pool: POOL, pools: [{ seed: 0, shots: null, rows: [0, 1, 2, 3] }] };

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
    [['mine='], '"mine=" is not a selector'],
    [['kl=python3 x.py'], 'a program cannot be called "kl": that is a selector of its own'],
    [['kl', 'embedding+kl'], 'feature sets: "kl" and "embedding+kl" are the same set'],
  ])('%j are refused', async (names, message) => {
    expect(() => selectorTitles(names)).toThrow(message);
    await expect(namedSelectors(names, options, engine)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', message });
  });
});
