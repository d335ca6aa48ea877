import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { byDistance, type Candidate } from '../../src/policies/candidate.js';
import { distanceBetween } from '../../src/retrieve/distance.js';
import { candidate, candidateLists, metrics, policies, rowsOf, select } from './support.js';

const cases = metrics.chain((metric) =>
  fc.integer({ min: 1, max: 8 }).chain((k) =>
    fc.record({
      metric: fc.constant(metric),
      k: fc.constant(k),
      candidates: candidateLists(metric),
      policy: policies(k),
    }),
  ),
);

const labelsOf = (chosen: readonly Candidate[]): string[] => chosen.map(({ example }) => example.label);

describe('a policy', () => {
  it('without rules, and MMR with λ = 1, is the k nearest', () => {
    fc.assert(
      fc.property(cases, ({ metric, k, candidates }) => {
        const nearest = candidates.toSorted(byDistance).slice(0, k);
        for (const policy of [{}, { choice: { by: 'mmr' as const, lambda: 1 } }]) {
          expect(rowsOf(select(candidates, k, policy, metric))).toEqual(nearest.map(({ row }) => row));
        }
      }),
      { numRuns: 2000, seed: 1 },
    );
  });

  it('keeps its limits over 10,000 cases, and says what became of each candidate', () => {
    fc.assert(
      fc.property(cases, ({ metric, k, candidates, policy }) => {
        const outcome = select(candidates, k, policy, metric);
        const { chosen } = outcome;
        expect(new Set(rowsOf(outcome)).size).toBe(chosen.length);
        expect(chosen.length).toBeLessThanOrEqual(k);
        for (const label of labelsOf(chosen)) {
          const { length } = labelsOf(chosen).filter((other) => other === label);
          expect(length).toBeLessThanOrEqual(policy.maxPerLabel ?? k);
        }

        const { exclude, duplicates } = policy;
        const ids = exclude?.ids ?? [];
        expect(chosen.some(({ example }) => ids.includes(example.id))).toBe(false);
        if (exclude?.query === true) expect(chosen.some(({ example }) => example.input === 'the query')).toBe(false);
        if (duplicates === true) {
          expect(new Set(chosen.map(({ example }) => example.input)).size).toBe(chosen.length);
        }
        if (typeof duplicates === 'object' && duplicates.distance! > 0) {
          for (const [i, { vector }] of chosen.entries()) {
            for (const other of chosen.slice(0, i)) {
              const between = distanceBetween(vector, other.vector, metric);
              const isZero = [vector, other.vector].some((values) => values.every((value) => value === 0));
              if (!(metric === 'cosine' && isZero)) expect(between).toBeGreaterThan(duplicates.distance! - 1e-6);
            }
          }
        }

        const explanation = outcome.explanation();
        expect(explanation.chosen.map(({ id }) => id)).toEqual(chosen.map(({ example }) => example.id));
        const explained = [...explanation.chosen, ...explanation.dropped].map(({ id }) => id);
        expect(explained.toSorted()).toEqual(candidates.map(({ example }) => example.id).toSorted());
        expect(explanation.candidates).toBe(candidates.length);
        // What could have been chosen has as many labels as are wanted, or the chosen have all of them.
        const eligible = explanation.dropped.filter(
          ({ rule }) => !['excluded-id', 'same-text', 'duplicate'].includes(rule),
        );
        const all = new Set([...labelsOf(chosen), ...eligible.map(({ label }) => label)]);
        const floor = Math.min(policy.minLabels ?? 1, all.size);
        expect(new Set(labelsOf(chosen)).size).toBeGreaterThanOrEqual(floor);
      }),
      { numRuns: 10_000, seed: 2 },
    );
  });

  it('does not depend on the order in which candidates arrive', () => {
    const shuffled = cases.chain((one) =>
      fc.shuffledSubarray(one.candidates, { minLength: one.candidates.length }).map((other) => ({ ...one, other })),
    );
    fc.assert(
      fc.property(shuffled, ({ metric, k, candidates, policy, other }) => {
        const [a, b] = [select(candidates, k, policy, metric), select(other, k, policy, metric)];
        expect(rowsOf(b)).toEqual(rowsOf(a));
        expect(b.explanation()).toEqual(a.explanation());
      }),
      { numRuns: 2000, seed: 3 },
    );
  });

  it('keeps the best candidate unless diversity alone counts', () => {
    fc.assert(
      fc.property(cases, ({ metric, k, candidates, policy }) => {
        const plain = { ...policy, choice: { by: 'top-k' as const } };
        const [best] = select(candidates, 1, { ...plain, minLabels: 1, adaptive: { mass: 1 } }, metric).chosen;
        expect(select(candidates, k, plain, metric).chosen[0]).toEqual(best);
      }),
      { numRuns: 2000, seed: 4 },
    );
  });
});

describe('an explanation', () => {
  const near = (row: number, x: number, label: string, text?: string): Candidate =>
    candidate(row, [1 + x, 1, 0], { label, ...(text !== undefined && { text }) });

  it('names the rule that moved or dropped each candidate, and the margin to the first left out', () => {
    const candidates = [
      near(0, 0, 'a', 'the query'),
      near(1, 0.1, 'a', 'twin'),
      near(2, 0.2, 'a', 'twin'),
      ...[3, 4, 5].map((row) => near(row, row / 10, 'a')),
      near(6, 0.6, 'b'),
      near(7, 0.7, 'c'),
    ];
    const policy = { exclude: { query: true }, duplicates: true, maxPerLabel: 2, minLabels: 3 };
    const { chosen, dropped } = select(candidates, 3, policy).explanation();
    expect(chosen.map(({ id, rule, rank, nearness }) => [id, rule, rank, nearness])).toEqual([
      ['r1', 'nearest', 1, 2],
      ['r6', 'max-per-label', 2, 7],
      ['r7', 'min-labels', 3, 8],
    ]);
    expect(dropped.map(({ id, rule, of }) => [id, rule, of])).toEqual([
      ['r0', 'same-text', undefined],
      ['r2', 'duplicate', 'r1'],
      ['r3', 'min-labels', undefined],
      ['r4', 'max-per-label', undefined],
      ['r5', 'max-per-label', undefined],
    ]);
    // r3 is the nearest that could have been chosen.
    expect(chosen.map(({ margin }) => margin!.toFixed(3))).toEqual(['0.200', '-0.300', '-0.400']);
  });

  it('tells nearness from words, and k from fewer', () => {
    const candidates = [near(0, 0, 'a'), near(1, 0.1, 'a'), { ...near(2, 0.9, 'b'), words: 7 }];
    const hybrid = select(candidates, 2, { hybrid: true }).explanation();
    expect(hybrid.chosen.map(({ id, rule, words }) => [id, rule, words])).toEqual([
      ['r2', 'hybrid', 7],
      ['r0', 'nearest', undefined],
    ]);
    const few = select(candidates, 2, { adaptive: { gap: 0.05 } }).explanation();
    expect(few.chosen.map(({ id }) => id)).toEqual(['r0']);
    expect(few.dropped.map(({ id, rule }) => [id, rule])).toEqual([
      ['r1', 'adaptive-k'],
      ['r2', 'beyond-k'],
    ]);
  });

  it('has similarities from 0 to 1 that fall with the distance', () => {
    fc.assert(
      fc.property(cases, ({ metric, candidates }) => {
        const { chosen } = select(candidates, 8, {}, metric).explanation();
        const values = chosen.map(({ similarity }) => similarity);
        expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
        expect(values.toSorted((a, b) => b - a)).toEqual(values);
      }),
      { numRuns: 300, seed: 5 },
    );
  });
});
