/** What was chosen for each query: for those who want to count what the report does not. */
import type { LabelledItem } from '../data/labelled.js';
import type { Comparison } from './compare.js';

/** One query. Names are fixed: this is read by other programs. */
export interface QueryChoices {
  /** Row of the query, from 0, among those compared: of a part drawn by a limit or a split its place in that part. */
  readonly query: number;
  /** Where it was read, "file:line"; null where that is not known. */
  readonly where: string | null;
  readonly text: string;
  /** Its own, which the right answer is. */
  readonly label: string;
  /** Whether it is in the pool too, but for case and spaces. */
  readonly leaked: boolean;
  /** From the whole pool: of every selector under every seed, seed by seed. */
  readonly choices: readonly QueryChoice[];
}

export interface QueryChoice {
  readonly selector: string;
  readonly seed: number;
  /** Rows of the pool, from 0 as those of queries, the most fitting first; {@link poolRows} says where they were read. */
  readonly rows: readonly number[];
  /** The label of most of them; null where nothing was chosen. */
  readonly vote: string | null;
}

export function queryChoices({ runs, leaked }: Comparison, queries: readonly LabelledItem[]): QueryChoices[] {
  const whole = runs.filter(({ shots }) => shots === null);
  return queries.map(({ input, label, where = null }, query) => ({
    ...{ query, where, text: input, label, leaked: leaked[query]! },
    choices: whole.map(({ selector, seed, rows, predicted }) => ({
      ...{ selector, seed, rows: rows[query]! },
      vote: rows[query]!.length === 0 ? null : predicted[query]!,
    })),
  }));
}

/** Where each row of the pool was read, "file:line"; null where that is not known [n]. */
export const poolRows = (pool: readonly LabelledItem[]): (string | null)[] => pool.map(({ where = null }) => where);
