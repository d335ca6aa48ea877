/** What a policy says, as a few lines of a configuration, and what it means. */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { PACKINGS, type Packing } from '../prompt/budget.js';
import type { Calibration } from './calibration.js';
import { EXAMPLE_ORDERS, type ExampleOrder } from './order.js';

/** How examples are chosen among the candidates. */
export type Choice =
  | { readonly by: 'top-k' }
  /** Near the query and far from each other. λ: 1 is nearness alone. @default lambda 0.5 */
  | { readonly by: 'mmr'; readonly lambda?: number }
  /** The set of greatest volume. θ: 0 is volume alone, towards 1 nearness alone. @default theta 0.7 */
  | { readonly by: 'dpp'; readonly theta?: number };

/** All members may be left out: without any, the k nearest are chosen. */
export interface PolicyOptions {
  /** Rows that are looked at. @default 10 for each to be chosen, 200 at least, 2000 at most; all rows where there are fewer */
  readonly candidates?: number;
  /** What may not be chosen: examples with the query's own text, and examples by id. */
  readonly exclude?: { readonly query?: boolean; readonly ids?: readonly string[] };
  /** Of equal texts, and of examples at most so far apart, one is chosen. `true` is equal texts alone. */
  readonly duplicates?: boolean | { readonly text?: boolean; readonly distance?: number };
  /** Ranks by distance and ranks by BM25 on words, joined. `true` is as much weight for each. */
  readonly hybrid?: boolean | { readonly weight?: number; readonly constant?: number };
  /** @default the nearest */
  readonly choice?: Choice;
  /** Examples of one label. */
  readonly maxPerLabel?: number;
  /** Labels among the examples: the nearest of others are brought in. */
  readonly minLabels?: number;
  /** Fewer than k examples, where fewer are as good. */
  readonly adaptive?: { readonly gap?: number; readonly mass?: number; readonly atLeast?: number };
  /** How the examples stand in a prompt. @default the template's order */
  readonly order?: ExampleOrder;
  /** What a prompt without room for all gives up: the farthest, or what does not fit. @default 'drop-farthest' */
  readonly packing?: Packing;
  /** The labels that a prompt offers hold all but `alpha` of the probability. */
  readonly labelList?: { readonly alpha: number };
  /** No answer by vote below this confidence. */
  readonly abstain?: { readonly below: number };
  /** What makes a share of the vote a probability. */
  readonly calibration?: Calibration;
}

const fraction = z.number().min(0).max(1);
const below1 = z.number().min(0).lt(1);
const count = z.int().min(1).max(1000);
const distance = z.number().min(0);
const edge = z.number().min(0).max(0.5);

const calibrationSchema = z.discriminatedUnion('method', [
  z.strictObject({ method: z.literal('temperature'), slope: z.number().min(0), edge: edge.optional() }),
  z.strictObject({
    method: z.literal('platt'),
    slope: z.number().min(0),
    intercept: z.number(),
    edge: edge.optional(),
  }),
  z.strictObject({
    method: z.literal('isotonic'),
    scores: z.array(fraction).min(1),
    precisions: z.array(fraction).min(1),
  }),
]);

/** All that JSON Schema has words for; {@link parsePolicy} holds members to each other. What was read by it can be read again, and is the same. */
export const policySchema = z.strictObject({
  candidates: z.int().min(1).max(10_000).optional(),
  exclude: z.strictObject({ query: z.boolean().default(false), ids: z.array(z.string()).default([]) }).optional(),
  duplicates: z
    .union([
      z.boolean().transform((on) => (on ? { text: true, distance: 0 } : undefined)),
      z.strictObject({ text: z.boolean().default(true), distance: distance.default(0) }),
    ])
    .optional(),
  hybrid: z
    .union([
      z.boolean().transform((on) => (on ? { weight: 0.5, constant: 60 } : undefined)),
      z.strictObject({ weight: fraction.default(0.5), constant: z.number().min(0).default(60) }),
    ])
    .optional(),
  choice: z
    .discriminatedUnion('by', [
      z.strictObject({ by: z.literal('top-k') }),
      z.strictObject({ by: z.literal('mmr'), lambda: fraction.default(0.5) }),
      z.strictObject({ by: z.literal('dpp'), theta: below1.default(0.7) }),
    ])
    .default({ by: 'top-k' }),
  maxPerLabel: count.optional(),
  minLabels: count.optional(),
  adaptive: z
    .strictObject({
      gap: z.number().gt(0).max(1).optional(),
      mass: z.number().gt(0).max(1).optional(),
      atLeast: count.default(1),
    })
    .refine(({ gap, mass }) => gap !== undefined || mass !== undefined, 'needs gap, mass or both')
    .meta({ anyOf: [{ required: ['gap'] }, { required: ['mass'] }] })
    .optional(),
  order: z.enum(EXAMPLE_ORDERS).optional(),
  packing: z.enum(PACKINGS).default('drop-farthest'),
  labelList: z.strictObject({ alpha: below1 }).optional(),
  abstain: z.strictObject({ below: fraction }).optional(),
  calibration: calibrationSchema.optional(),
});

export const POLICY_MEMBERS: readonly string[] = Object.keys(policySchema.shape);

/** A policy that has been read: every default in place. */
export type Policy = z.output<typeof policySchema>;

function isAscending(values: readonly number[]): boolean {
  return values.every((value, i) => i === 0 || values[i - 1]! <= value);
}

/**
 * @param value {@link PolicyOptions}, from code or from a file
 * @param k examples that are to be chosen with it
 * @throws {FungiError} INVALID_ARGUMENT naming the member, what it is and what it may be
 */
export function parsePolicy(value: unknown, k: number): Policy {
  const parsed = policySchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw invalid(['policy', ...path].join('.'), message);
  }
  const policy = parsed.data;
  assertCalibration(policy.calibration);
  for (const [name, limit] of [
    ['candidates', policy.candidates],
    ['minLabels', policy.minLabels],
    ['adaptive.atLeast', policy.adaptive?.atLeast],
  ] as const) {
    if (limit === undefined) continue;
    if (name === 'candidates' ? limit < k : limit > k) {
      throw invalid(
        `policy.${name}`,
        `is ${limit}, it must be at ${name === 'candidates' ? 'least' : 'most'} k, which is ${k}`,
      );
    }
  }
  return policy;
}

function assertCalibration(calibration: Policy['calibration']): void {
  if (calibration?.method !== 'isotonic') return;
  const { scores, precisions } = calibration;
  for (const [name, values] of Object.entries({ scores, precisions })) {
    if (!isAscending(values)) throw invalid(`policy.calibration.${name}`, 'has to ascend');
  }
  if (scores.length !== precisions.length) {
    throw invalid('policy.calibration', 'scores and precisions have to be as many');
  }
}

const invalid = (path: string, reason: string): FungiError =>
  new FungiError('INVALID_ARGUMENT', `${path}: ${reason}`, {
    hint: 'Example: {"duplicates": true, "choice": {"by": "mmr", "lambda": 0.7}, "maxPerLabel": 5, "minLabels": 3}; docs/selection.md has all members.',
  });

/** Rows that a rule looks at, where it asks for no more. */
export const LEAST_CANDIDATES = 200;
const MOST_CANDIDATES = 2000;

/** How many rows to look at: k where nothing but nearness counts. */
export function candidatesFor(policy: Policy, k: number, explain: boolean): number {
  if (policy.candidates !== undefined) return policy.candidates;
  const { exclude, duplicates, hybrid, choice, maxPerLabel, minLabels, adaptive, labelList, abstain } = policy;
  // A calibration holds for votes of as many as it was measured with.
  const rules = [exclude, duplicates, hybrid, maxPerLabel, minLabels, adaptive, labelList, abstain, policy.calibration];
  const nearest = choice.by === 'top-k' && rules.every((rule) => rule === undefined);
  // One more shows how far the last of the chosen is from being left out.
  if (nearest) return explain ? k + 1 : k;
  return Math.max(k + 1, Math.min(MOST_CANDIDATES, Math.max(LEAST_CANDIDATES, 10 * k)));
}
