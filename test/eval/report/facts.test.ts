/** What the report says, counted by hand or by a plain reference. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Comparison, SelectorRun } from '../../../src/eval/compare/compare.js';
import { compareReport, verdict } from '../../../src/eval/compare/compare-report.js';
import { countData } from '../../../src/eval/data/data-counts.js';
import { adviceOf } from '../../../src/eval/report/facts/advice.js';
import { casesOf } from '../../../src/eval/report/facts/cases.js';
import { classDifferences } from '../../../src/eval/report/facts/class-differences.js';
import { confusionsOf, MATRIX_LABELS } from '../../../src/eval/report/facts/confusions.js';
import { dataNotes } from '../../../src/eval/report/facts/data-notes.js';
import { wrongVotes } from '../../../src/eval/report/facts/judged.js';
import { exactNearest } from '../../../src/eval/report/facts/plane-neighbours.js';
import { poolMap } from '../../../src/eval/report/facts/pool-map.js';
import { selectorWords } from '../../../src/eval/report/facts/selector-words.js';

const run = (selector: string, predicted: readonly string[], truth: readonly string[], seed = 0): SelectorRun => ({
  ...{ selector, seed, shots: null, predicted, seconds: 1 },
  rows: predicted.map(() => []),
  correct: predicted.map((label, i) => label === truth[i]),
});
const items = (labels: readonly string[]): { input: string; label: string }[] =>
  labels.map((label, i) => ({ input: `text ${i}`, label }));

describe('advice', () => {
  it('is the verdict’s', () => {
    const outcome = fc.array(fc.boolean(), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(fc.tuple(outcome, outcome, outcome), fc.boolean(), (outcomes, head) => {
        const truth = outcomes[0].map(() => 'x');
        const runs = outcomes.map(
          (right, i) =>
          // Some differences are to be large.
          run(['embedding', 'a', 'b'][i]!, right.map((each) => (each || (head && i === 1) ? 'x' : 'y')), truth), // prettier-ignore
        );
        const comparison: Comparison = { runs, leaked: truth.map(() => false) };
        const report = compareReport(comparison, { pool: items(['x', 'y']), queries: items(truth), k: 1 });
        const { advised, significant, focus } = adviceOf(report);
        expect(verdict(report).startsWith(`${significant ? 'Use' : 'Stay with'} ${advised}:`)).toBe(true);
        expect(focus).not.toBe('embedding');
        expect(significant).toBe(focus === advised);
      }),
      { numRuns: 40 },
    );
  });
});

describe('labels', () => {
  const truth = ['a', 'a', 'b', 'b', 'c'];
  const runs = [
    run('kl', ['a', 'a', 'b', 'c', 'a'], truth, 0),
    run('kl', ['a', 'b', 'b', 'c', 'a'], truth, 1),
    run('embedding', ['b', 'a', 'b', 'b', 'a'], truth, 0),
    run('embedding', ['b', 'a', 'b', 'b', ''], truth, 1),
  ];

  it('gain and lose by the mean over seeds, the largest gain first', () => {
    const { classes } = classDifferences(runs, items(truth), { selector: 'kl', baseline: 'embedding' });
    expect(classes).toEqual([
      { label: 'a', queries: 2, selectorAccuracy: 0.75, baselineAccuracy: 0.5, difference: 0.25 },
      { label: 'c', queries: 1, selectorAccuracy: 0, baselineAccuracy: 0, difference: 0 },
      { label: 'b', queries: 2, selectorAccuracy: 0.5, baselineAccuracy: 1, difference: -0.5 },
    ]);
  });

  it('are confused in pairs, over all seeds', () => {
    const found = confusionsOf(runs, items(truth), ['kl', 'embedding']);
    expect(found.answers).toBe(10);
    expect(found.pairs).toEqual([
      { truth: 'a', predicted: 'b', of: 4, counts: [1, 2] },
      { truth: 'c', predicted: 'a', of: 2, counts: [2, 1] },
      { truth: 'b', predicted: 'c', of: 4, counts: [2, 0] },
      { truth: 'c', predicted: '', of: 2, counts: [0, 1] },
    ]);
    expect(found.matrices.map(({ selector, labels }) => [selector, labels])).toEqual([
      ['kl', ['a', 'b', 'c']],
      ['embedding', ['', 'a', 'b', 'c']],
    ]);
    expect(found.matrices[0]!.counts).toEqual([[3, 1, 0], [0, 2, 2], [2, 0, 0]]); // prettier-ignore
  });

  it('make a matrix up to thirty', () => {
    const matrices = (count: number): number => {
      const labels = Array.from({ length: count }, (_, i) => `l${i}`);
      return confusionsOf([run('kl', labels, labels)], items(labels), ['kl']).matrices.length;
    };
    expect([matrices(MATRIX_LABELS), matrices(MATRIX_LABELS + 1)]).toEqual([1, 0]);
  });
});

describe('cases', () => {
  const pool = items(['a', 'b', 'c', 'd']);
  const truth = Array.from({ length: 40 }, (_, i) => 'abcd'[Math.floor(i / 10)]!);
  const rowsOf = (answer: (query: number) => number): number[][] => truth.map((_, query) => [answer(query), 3]);
  const chosen = (selector: string, answer: (query: number) => number): SelectorRun => {
    const rows = rowsOf(answer);
    return { ...run(selector, rows.map(([row]) => pool[row!]!.label), truth), rows }; // prettier-ignore
  };
  const own = (query: number): number => Math.floor(query / 10);
  const comparison: Comparison = {
    // kl is wrong on every fifth, embedding on every other, both on every tenth; bm25 is right there.
    runs: [
      chosen('embedding', (query) => (query % 2 === 0 ? (own(query) + 1) % 4 : own(query))),
      chosen('kl', (query) => (query % 5 === 0 ? (own(query) + 2) % 4 : own(query))),
      chosen('bm25', (query) => (query === 10 ? 0 : own(query))),
    ],
    leaked: truth.map(() => false),
  };
  const found = casesOf(comparison, { pool, queries: items(truth), focus: 'kl', baseline: 'embedding' });

  it('are those that are won, lost, and wrong with all', () => {
    const group = (kind: string): (typeof found.groups)[number] => found.groups.find((each) => each.kind === kind)!;
    expect(found.groups.map(({ kind, total }) => [kind, total])).toEqual([['won', 16], ['lost', 4], ['all-wrong', 1]]); // prettier-ignore
    expect(group('won').cases.every(({ query }) => query % 2 === 0 && query % 5 !== 0)).toBe(true);
    expect(group('lost').cases.map(({ query }) => query).sort((a, b) => a - b)).toEqual([5, 15, 25, 35]); // prettier-ignore
    expect(group('all-wrong').cases[0]).toEqual({
      ...{ query: 10, where: null, text: 'text 10', label: 'b' },
      choices: [
        { selector: 'kl', predicted: 'd', reply: null, chosen: 2, votes: 2, ownLabel: 0, examples: [{ row: 3, where: null, text: 'text 3', label: 'd' }, { row: 3, where: null, text: 'text 3', label: 'd' }] },
        { selector: 'embedding', predicted: 'c', reply: null, chosen: 2, votes: 1, ownLabel: 0, examples: [{ row: 2, where: null, text: 'text 2', label: 'c' }, { row: 3, where: null, text: 'text 3', label: 'd' }] },
      ],
      others: [{ selector: 'bm25', predicted: 'a', reply: null }],
    }); // prettier-ignore
  });

  it('show as many labels as they can', () => {
    const [won] = found.groups;
    expect(won!.cases).toHaveLength(5);
    expect(new Set(won!.cases.slice(0, 4).map(({ label }) => label)).size).toBe(4);
  });
});

describe('data', () => {
  it('are binned by label size: every label in one bin, ends that follow each other', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 30 }), (sizes) => {
        const pool = items(sizes.flatMap((size, i) => Array.from({ length: size }, () => `l${i}`)));
        const notes = dataNotes(pool, items(['l0']), countData(pool, items(['l0'])));
        expect(notes.sizes.length).toBeLessThanOrEqual(14);
        for (const { from, to, labels } of notes.sizes) {
          expect(labels).toBe(sizes.filter((size) => size >= from && size <= to).length);
        }
        notes.sizes.slice(1).forEach(({ from }, i) => {
          expect(from).toBe(notes.sizes[i]!.to + 1);
        });
        expect(notes.sizes.reduce((sum, { labels }) => sum + labels, 0)).toBe(sizes.length);
        expect(notes.classes.map((each) => each.pool)).toEqual([...sizes].sort((a, b) => b - a));
      }),
    );
  });
});

describe('the map', () => {
  const truth = Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 'even' : 'odd'));
  const pool = items(truth);
  // Two clouds far apart in the first two of three dimensions.
  const features = Float32Array.from({ length: 180 }, (_, i) => {
    const row = Math.floor(i / 3);
    return i % 3 === 2 ? 0 : (row % 2) * 50 + Math.sin(7 * i);
  });
  const wrong = truth.map((label, i) => (i < 5 ? 'odd' : label));
  const found = poolMap(
    { selector: 'kl', dims: 3, pool: features, queries: features },
    { pool, queries: pool, wrong: wrongVotes(run('kl', wrong, truth)) },
  )!;

  it('keeps near what is near, and marks the wrong answers', () => {
    expect(found.points.map(({ row }) => row)).toEqual(truth.map((_, i) => i));
    expect(found.all).toBe(true);
    for (const { points, sameLabelNearby } of found.labels) {
      expect(points).toBe(30);
      expect(sameLabelNearby).toBeGreaterThan(0.95);
    }
    expect(found.wrong.map(({ query, label, predicted }) => [query, label, predicted])).toEqual([0, 2, 4].map((i) => [i, 'even', 'odd'])); // prettier-ignore
  });

  it('is the same each time, and not there for three rows', () => {
    const again = poolMap({ selector: 'kl', dims: 3, pool: features, queries: features }, { pool, queries: pool, wrong: wrongVotes(run('kl', wrong, truth)) }); // prettier-ignore
    expect(again).toEqual(found);
    const few = { pool: pool.slice(0, 3), queries: pool, wrong: wrongVotes(run('kl', wrong, truth)) };
    expect(poolMap({ selector: 'kl', dims: 3, pool: features.slice(0, 9) }, few)).toBeNull();
  });

  it('finds the nearest of each point', () => {
    const line = [0, 1, 3, 7].map((x) => ({ x, y: 0 }));
    expect(exactNearest(line, 2)).toEqual([[1, 2], [0, 2], [1, 0], [2, 1]]); // prettier-ignore
  });
});

it('says in words what a selector shows', () => {
  expect(selectorWords('mine=python3 x.py "a=b"')).toBe('a program: python3 x.py "a=b"');
  expect(selectorWords('mmr:kl')).toContain('unlike each other');
  expect(selectorWords('kl+simclr')).toContain('the KL loss and the gradient of the SimCLR loss (FUNGI)');
  expect(selectorWords('only:kl')).toBe('the nearest examples, compared by the gradient of the KL loss alone');
  expect(selectorWords('unheard of')).toBe('');
});
