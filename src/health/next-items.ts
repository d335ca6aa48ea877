/** Unlabelled items that are worth a label most: those that stand for many others and that the pool does not cover. */
import type { Item } from '../core/item.js';
import type { Neighbour } from '../retrieve/exact-search.js';
import type { Pace } from './pace.js';
import { searchEach, type PacedSearch } from './paced-search.js';
import { named, type NamedExample, type Pool } from './pool.js';
import { voteK, type CandidateGraph } from './vote-k.js';

export interface NextItem {
  readonly input: Item;
  /** Unlabelled items that have it among their nearest. */
  readonly votes: number;
  /** What it was chosen by, when those before it were: these votes, each a tenth for each of its voter's nearest that the pool has or that was chosen. */
  readonly score: number;
  /** The nearest example of the pool, and how far it is in the index's metric. */
  readonly nearest: NamedExample & { readonly distance: number };
}

export interface NextItems {
  /** The best first. */
  readonly chosen: readonly NextItem[];
  /** Items that were given, each counted once. */
  readonly candidates: number;
  /** Given items that the pool has already, or that were given before. */
  readonly known: number;
}

/**
 * What a search over the pool's rows (0 to n − 1) and the candidates (n and on) gives of the candidates.
 *
 * @param vectors of the candidates [m,P]
 * @param rows of the pool: n
 */
export async function candidateGraph(
  paced: PacedSearch,
  vectors: Float32Array,
  { rows, k }: { readonly rows: number; readonly k: number },
): Promise<CandidateGraph> {
  const candidates: number[][] = [];
  const pooled: number[] = [];
  await searchEach(paced, vectors, k + 1, (near, candidate) => {
    const others = near.filter(({ row }) => row !== rows + candidate).slice(0, k);
    candidates.push(others.flatMap(({ row }) => (row < rows ? [] : [row - rows])));
    pooled.push(others.filter(({ row }) => row < rows).length);
  });
  return { candidates, pooled };
}

/**
 * @param items candidates, each once and none of the pool's [m]
 * @param nearest row of the pool nearest to each [m]
 */
export async function nextItems(
  { examples }: Pick<Pool, 'examples'>,
  items: readonly Item[],
  graph: CandidateGraph,
  nearest: readonly Neighbour[],
  { select, known, pace }: { readonly select: number; readonly known: number; readonly pace: Pace },
): Promise<NextItems> {
  const chosen = await voteK(graph, select, pace);
  return {
    chosen: chosen.map(({ candidate, votes, score }): NextItem => {
      const { row, distance } = nearest[candidate]!;
      return { input: items[candidate]!, votes, score, nearest: { ...named(examples[row]!), distance } };
    }),
    candidates: items.length,
    known,
  };
}
