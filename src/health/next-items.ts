/** Unlabelled items that are worth a label most: those that stand for many others and that the pool does not cover. */
import type { Item } from '../core/item.js';
import type { ExactSearch, Neighbour } from '../retrieve/exact-search.js';
import { named, type NamedExample, type Pool } from './pool.js';
import { voteK, type CandidateGraph } from './vote-k.js';

export interface NextItem {
  readonly input: Item;
  /** Unlabelled items that have it among their nearest. */
  readonly votes: number;
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

/** Candidates whose neighbours are searched together. */
const TOGETHER = 256;

interface CandidateSearch {
  /** Of the pool: n. */
  readonly rows: number;
  /** P */
  readonly dims: number;
  readonly k: number;
  /** Told of each piece of candidates; what it throws ends the work. */
  readonly onRows?: ((done: number) => void) | undefined;
}

/** What a search over the pool's rows (0 to n − 1) and the candidates (n and on) gives of the candidates. */
export async function candidateGraph(
  search: ExactSearch,
  vectors: Float32Array,
  { rows, dims, k, onRows }: CandidateSearch,
): Promise<CandidateGraph> {
  const candidates: number[][] = [];
  const pooled: number[] = [];
  for (let start = 0; start < vectors.length; start += TOGETHER * dims) {
    const found = await search.search(vectors.subarray(start, start + TOGETHER * dims), k + 1);
    for (const near of found) {
      const own = rows + candidates.length;
      const others = near.filter(({ row }) => row !== own).slice(0, k);
      candidates.push(others.flatMap(({ row }) => (row < rows ? [] : [row - rows])));
      pooled.push(others.filter(({ row }) => row < rows).length);
    }
    onRows?.(candidates.length);
  }
  return { candidates, pooled };
}

/**
 * @param items candidates, each once and none of the pool's [m]
 * @param nearest row of the pool nearest to each [m]
 */
export function nextItems(
  { examples }: Pick<Pool, 'examples'>,
  items: readonly Item[],
  graph: CandidateGraph,
  nearest: readonly Neighbour[],
  { select, known }: { readonly select: number; readonly known: number },
): NextItems {
  return {
    chosen: voteK(graph, select).map(({ candidate, votes }): NextItem => {
      const { row, distance } = nearest[candidate]!;
      return { input: items[candidate]!, votes, nearest: { ...named(examples[row]!), distance } };
    }),
    candidates: items.length,
    known,
  };
}
