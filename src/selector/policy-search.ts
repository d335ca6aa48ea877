/** Selection by a policy: the candidates that its rules need, and what it makes of them. */
import { itemKey } from '../core/duplicates.js';
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { byDistance, type Candidate } from '../policies/candidate.js';
import type { TextKey } from '../policies/eligibility.js';
import { labelsToLookBeyond } from '../policies/label-limits.js';
import { candidatesFor, type Policy } from '../policies/options.js';
import { eligible, selectExamples, type PolicyOutcome, type PolicyTask } from '../policies/pipeline.js';
import type { Metric } from '../retrieve/distance.js';
import type { Filter } from '../store/filter.js';
import type { LoadedRows } from './loaded-rows.js';
import type { Space } from './spaces.js';

export interface PolicySearch {
  readonly policy: Policy;
  readonly k: number;
  readonly metric: Metric;
  readonly modality: Modality;
  readonly filter: Filter | undefined;
  readonly space: Space;
  readonly explain: boolean;
  /** Rows that are looked at for a query, at most. @default all */
  readonly maxCandidates?: number;
}

/**
 * @param vectors features of the queries, in stored form [Q,P]
 * @throws {FungiError} INVALID_ARGUMENT for words of images or sounds
 */
export async function searchByPolicy(
  rows: LoadedRows,
  queries: readonly Item[],
  vectors: Float32Array,
  search: PolicySearch,
): Promise<PolicyOutcome[]> {
  const { policy, k, metric, modality, filter, space } = search;
  if (policy.hybrid !== undefined && modality !== 'text') {
    throw new FungiError('INVALID_ARGUMENT', `policy.hybrid: the index holds ${modality} items, which have no words`, {
      hint: 'Leave hybrid out of the policy: ranks by distance alone.',
    });
  }
  const maxRows = Math.min(rows.size, search.maxCandidates ?? Infinity);
  const c = Math.max(1, Math.min(maxRows, candidatesFor(policy, k, search.explain)));
  const key = textKeys(modality);
  const near = await rows.candidates(vectors, c, { filter, space });
  const outcomes: PolicyOutcome[] = [];
  for (const [i, query] of queries.entries()) {
    const dims = vectors.length / queries.length;
    const vector = vectors.subarray(i * dims, (i + 1) * dims);
    const task = { policy, k, metric, query: itemKey(query, modality), key };
    const matches = policy.hybrid === undefined ? [] : rows.wordMatches(query, vector, c, { filter, space });
    const candidates = await widened(rows, vector, joined(near[i]!, matches), task, { c, maxRows, filter, space });
    outcomes.push(selectExamples(candidates, task));
  }
  return outcomes;
}

/** The candidates, each once; one found both ways has what either knows of it. */
function joined(near: readonly Candidate[], matches: readonly Candidate[]): Candidate[] {
  const byRow = new Map(near.map((candidate) => [candidate.row, candidate]));
  for (const match of matches) byRow.set(match.row, { ...match, ...byRow.get(match.row) });
  return [...byRow.values()];
}

/**
 * More candidates where these cannot fill k places: of other labels, when some are full or too few, and beyond duplicates. Each round looks
 * at twice as many rows, so that few rounds reach the end of the index.
 *
 * @param maxRows that may be looked at
 */
async function widened(
  rows: LoadedRows,
  vector: Float32Array,
  found: readonly Candidate[],
  task: PolicyTask,
  { c, maxRows, filter, space }: Pick<PolicySearch, 'filter' | 'space'> & Record<'c' | 'maxRows', number>,
): Promise<readonly Candidate[]> {
  const { maxPerLabel: most, minLabels: least } = task.policy;
  const limits = { k: task.k, ...(most !== undefined && { most }), ...(least !== undefined && { least }) };
  let candidates = found;
  for (let take = c; candidates.length < maxRows; take *= 2) {
    const beyond = labelsToLookBeyond(eligible(candidates.toSorted(byDistance), task).kept, limits);
    if (beyond === undefined) break;
    const seen = new Set(candidates.map(({ row }) => row));
    const allow = ({ row, example: { label } }: Pick<Candidate, 'row' | 'example'>): boolean =>
      !seen.has(row) && !beyond.has(label);
    const count = Math.min(take, maxRows - candidates.length);
    const [more = []] = await rows.candidates(vector, count, { filter, allow, space });
    if (more.length === 0) break;
    candidates = [...candidates, ...more];
  }
  return candidates;
}

/** Keys of rows, each made once. */
function textKeys(modality: Modality): TextKey {
  const known = new Map<number, string>();
  return ({ row, example: { input } }) => {
    let key = known.get(row);
    if (key === undefined) known.set(row, (key = itemKey(input, modality)));
    return key;
  };
}
