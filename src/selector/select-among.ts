/** Which rows are shown for a query, and which vote: one search for each space that has a say. */
import type { Item, Modality } from '../core/item.js';
import type { Policy } from '../policies/options.js';
import type { Metric } from '../retrieve/distance.js';
import type { Filter } from '../store/filter.js';
import type { LoadedRows } from './loaded-rows.js';
import { searchByPolicy } from './policy-search.js';
import {
  asksPosterior,
  eligibleOnly,
  posteriorOnly,
  ranked,
  selectedBy,
  votedBy,
  type Selected,
} from './policy-use.js';
import { chosenIn, type Space, type Spaces } from './spaces.js';

export interface SelectTask {
  readonly queries: readonly Item[];
  /** In stored form [Q,P]. */
  readonly vectors: Float32Array;
  readonly k: number;
  readonly filter: Filter | undefined;
  readonly policy: Policy | undefined;
  readonly explain: boolean;
  readonly maxCandidates: number;
}

export interface Among {
  readonly rows: LoadedRows;
  readonly spaces: Spaces;
  readonly metric: Metric;
  readonly modality: Modality;
}

/** Of each query [Q]. @throws {FungiError} INVALID_ARGUMENT for words of images or sounds */
export async function selectAmong({ rows, spaces, metric, modality }: Among, task: SelectTask): Promise<Selected[]> {
  const { queries, vectors, k, filter, policy, explain, maxCandidates } = task;
  const search = async (space: Space, count: number, rules = policy): Promise<Selected[]> => {
    if (rules === undefined) {
      return (await rows.nearest(vectors, count, { filter, space })).map((near) => ({ examples: ranked(near) }));
    }
    const own = { k: count, policy: rules, filter, space, metric, modality, explain, maxCandidates };
    const outcomes = await searchByPolicy(rows, queries, vectors, own);
    return outcomes.map((outcome) => selectedBy(outcome, rules, explain));
  };
  const { vote } = spaces;
  const votes = (): Promise<[judged: Selected[] | undefined, voters: Selected[] | undefined]> => {
    if (vote?.voters === undefined) {
      const chosen = vote && search(vote.space, k);
      return Promise.all([chosen, chosen]);
    }
    const isAsked = policy !== undefined && asksPosterior(policy, explain);
    return Promise.all([
      isAsked ? search(vote.space, k, posteriorOnly(policy, k, explain)) : undefined,
      search(vote.space, vote.voters, policy && eligibleOnly(policy)),
    ]);
  };
  // At once: searches that run together share passes over the rows.
  const [found, [judged, voters]] = await Promise.all([search(chosenIn(spaces, policy), k), votes()]);
  return found.map((selected, i) => votedBy(selected, judged?.[i], voters?.[i]?.examples));
}
