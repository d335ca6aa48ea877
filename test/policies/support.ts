/** Candidates on a small grid: many are equally near, equal, or of one label, so that ties and duplicates are common. */
import fc from 'fast-check';
import type { Candidate } from '../../src/policies/candidate.js';
import type { PolicyOptions } from '../../src/policies/options.js';
import { parsePolicy } from '../../src/policies/options.js';
import { selectExamples, type PolicyOutcome } from '../../src/policies/pipeline.js';
import { distanceBetween, type Metric } from '../../src/retrieve/distance.js';

export const QUERY = Float32Array.of(1, 1, 0);

export const metrics = fc.constantFrom<Metric[]>('l2', 'cosine');

export function candidate(
  row: number,
  vector: readonly number[],
  { label = 'a', text = `text ${row}`, words, metric = 'l2' }: Partial<Row> & { metric?: Metric } = {},
): Candidate {
  const values = Float32Array.from(vector);
  return {
    row,
    example: { id: `r${row}`, input: text, label, metadata: {} },
    distance: distanceBetween(QUERY, values, metric),
    vector: values,
    ...(words !== undefined && { words }),
  };
}

interface Row {
  readonly vector: readonly number[];
  readonly label: string;
  readonly text: string;
  readonly words: number | undefined;
}

const rows: fc.Arbitrary<Row[]> = fc.array(
  fc.record({
    vector: fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 }),
    label: fc.constantFrom('a', 'b', 'c', 'd'),
    text: fc.constantFrom('one', 'two', 'three', 'four', 'five', 'the query'),
    words: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  }),
  { maxLength: 14 },
);

export const candidateLists = (metric: Metric): fc.Arbitrary<Candidate[]> =>
  rows.map((list) => list.map(({ vector, ...rest }, row) => candidate(row, vector, { ...rest, metric })));

const choices = fc.oneof(
  fc.constant({ by: 'top-k' as const }),
  fc.record({ by: fc.constant('mmr' as const), lambda: fc.constantFrom(0, 0.3, 0.7, 1) }),
  fc.record({ by: fc.constant('dpp' as const), theta: fc.constantFrom(0, 0.5, 0.9) }),
);

const optional = <T>(some: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(some, { nil: undefined });

/** A policy that a choice of k takes. */
export const policies = (k: number): fc.Arbitrary<PolicyOptions> =>
  fc
    .record({
      exclude: optional(
        fc.record({ query: fc.boolean(), ids: fc.subarray(['r0', 'r3', 'r5']).map((ids) => [...ids]) }),
      ),
      duplicates: optional(
        fc.oneof(fc.boolean(), fc.record({ text: fc.boolean(), distance: fc.constantFrom(0, 0.01, 1, 2) })),
      ),
      hybrid: optional(fc.oneof(fc.boolean(), fc.record({ weight: fc.constantFrom(0, 0.2, 1) }))),
      choice: choices,
      maxPerLabel: optional(fc.integer({ min: 1, max: 4 })),
      minLabels: optional(fc.integer({ min: 1, max: Math.min(4, k) })),
      adaptive: optional(
        fc.oneof(
          fc.record({ gap: fc.constantFrom(0.1, 0.4, 1) }),
          fc.record({ mass: fc.constantFrom(0.3, 0.9, 1), atLeast: fc.integer({ min: 1, max: k }) }),
        ),
      ),
    })
    .map((policy) => Object.fromEntries(Object.entries(policy).filter(([, value]) => value !== undefined)));

export const select = (
  candidates: readonly Candidate[],
  k: number,
  policy: PolicyOptions = {},
  metric: Metric = 'l2',
): PolicyOutcome =>
  selectExamples(candidates, {
    policy: parsePolicy(policy, k),
    ...{ k, metric },
    query: 'the query',
    key: ({ example }) => example.input,
  });

export const rowsOf = ({ chosen }: Pick<PolicyOutcome, 'chosen'>): number[] => chosen.map(({ row }) => row);
