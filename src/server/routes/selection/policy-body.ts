/** What a client may say of how examples are chosen, and how much of the server's time that may take: searching is done between requests. */
import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import {
  candidatesFor,
  parsePolicy,
  policySchema,
  type Policy,
  type PolicyOptions,
} from '../../../policies/options.js';
import type { SelectOptions } from '../../../selector/selection.js';
import { MAX_ITEMS } from '../fields.js';

/** Rows that a policy may say to look at for a query. */
export const MAX_CANDIDATES = 2000;
/** Rows that are looked at for a query, those that rules need beyond its candidates among them. */
const MAX_ROWS_A_QUERY = 4000;
/** Rows that are looked at for all queries of a request; as many may be in an explained reply. */
export const MAX_ROWS = 50_000;
/** Pairs of rows that are compared for all queries of a request: of 512 dimensions, half a second at most. */
export const MAX_PAIRS = 1_000_000;

export const policy = policySchema.extend({ candidates: z.int().min(1).max(MAX_CANDIDATES).optional() }).meta({
  id: 'Policy',
  description:
    'Which of the nearest are chosen, how they stand in a prompt, and when there is no answer; docs/selection.md says what each member does. ' +
    `Not with k: candidates below it, minLabels and adaptive.atLeast above it. A request looks at ${MAX_ROWS} rows in all and compares ${MAX_PAIRS} pairs of them; a query looks at ${MAX_ROWS_A_QUERY} rows.`,
  examples: [{ duplicates: true, choice: { by: 'mmr', lambda: 0.7 }, maxPerLabel: 6, minLabels: 3 }],
});

export const policyShape = {
  policy: policy.optional(),
  explain: z
    .union([z.boolean(), z.literal('blocks')], { error: 'must be true, false or "blocks"' })
    .default(false)
    .meta({
      description:
        'Whether the reply says why each example was chosen. With blocks it says, too, what each block of the features has to do with its distance: ' +
        `queries and examples are computed again, and k + 1 times the queries may be ${MAX_ITEMS} at most.`,
    }),
};

interface PolicyBody {
  /** As it came, or as it was read. */
  readonly policy?: PolicyOptions | Policy | undefined;
  readonly explain?: SelectOptions['explain'];
}

/** How much there is to do. */
export interface PolicyWork {
  readonly k: number;
  readonly queries: number;
  /** Of the index. */
  readonly rows: number;
}

/** @throws {FungiError} INVALID_ARGUMENT for a policy at odds with k, and for a policy or an explanation that asks for too much work */
export function policyOptions(
  { policy, explain = false }: PolicyBody,
  work: PolicyWork,
): Pick<SelectOptions, 'policy' | 'explain' | 'maxCandidates'> {
  if (policy === undefined && explain === false) return {};
  if (explain === 'blocks') assertFew(work);
  const parsed = parsePolicy(policy ?? {}, work.k);
  return {
    ...(policy !== undefined && { policy: policy as PolicyOptions }),
    explain,
    maxCandidates: rowsToLookAt(parsed, explain !== false, work),
  };
}

/** @throws {FungiError} INVALID_ARGUMENT for more items to be computed again than a request may have computed */
function assertFew({ k, queries, rows }: PolicyWork): void {
  const items = queries * (1 + Math.min(k, rows));
  if (items <= MAX_ITEMS) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `explain by blocks: ${queries} queries with ${k} examples each are ${items} items to compute; a request may have ${MAX_ITEMS}`,
    { hint: 'Send fewer queries at once, ask for fewer examples, or explain without blocks (true).' },
  );
}

/** @throws {FungiError} INVALID_ARGUMENT */
function rowsToLookAt(policy: Policy, explain: boolean, { k, queries, rows }: PolicyWork): number {
  const candidates = Math.min(rows, candidatesFor(policy, k, explain));
  // Those that words find may be others than those that are near.
  const ways = policy.hybrid === undefined ? 1 : 2;
  if (queries * ways * candidates > MAX_ROWS) {
    throw tooMuch(`look at ${queries * ways * candidates} rows`, `looks at ${MAX_ROWS}`, k);
  }
  const pairs = pairsCompared(policy, k);
  if (queries * pairs(ways * candidates) > MAX_PAIRS) {
    throw tooMuch(`compare ${queries * pairs(ways * candidates)} pairs of rows`, `compares ${MAX_PAIRS}`, k);
  }
  const most = Math.floor(Math.min(MAX_ROWS_A_QUERY, MAX_ROWS / queries) / ways);
  // Near-duplicates are looked for among all of them.
  const pairwise = Math.floor(Math.sqrt((2 * MAX_PAIRS) / queries) / ways);
  return Math.max(candidates, policy.duplicates?.distance ? Math.min(most, pairwise) : most, 1);
}

/** Pairs of a query's c candidates that its policy may have to compare. */
function pairsCompared({ choice, duplicates }: Policy, k: number): (c: number) => number {
  return (c) => (choice.by === 'top-k' ? 0 : c * k) + (duplicates?.distance ? Math.ceil((c * c) / 2) : 0);
}

const tooMuch = (what: string, limit: string, k: number): FungiError =>
  new FungiError('INVALID_ARGUMENT', `policy: the queries of the request ${what}; a request ${limit}`, {
    hint: `Send fewer queries at once, ask for fewer examples, or set policy.candidates lower, to k (${k}) at least.`,
  });
