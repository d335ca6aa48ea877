/**
 * What is wrong with a pool of labelled examples, and what would help it: rows of an index → neighbour graph → findings → report.
 *
 * Axes: n rows of P dimensions, k neighbours, m unlabelled items, Q queries.
 */
import { itemKey } from '../core/duplicates.js';
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { squareOf, type Metric } from '../retrieve/distance.js';
import { ExactSearch, type Neighbour } from '../retrieve/exact-search.js';
import { coverage, type CoverageFindings } from './coverage.js';
import { drift, type DriftFindings } from './drift.js';
import { equalItems, itemNumbers, nearItems, sameGroups, type DuplicateFindings } from './duplicates.js';
import { labelDoubts, type LabelDoubtFindings } from './label-doubts.js';
import { labelNeeds, type LabelFindings } from './label-needs.js';
import { leaveOneOut } from './leave-one-out.js';
import { neighbourGraph } from './neighbour-graph.js';
import { candidateGraph, nextItems, type NextItems } from './next-items.js';
import { rowLabels, type Pool } from './pool.js';

export interface HealthOptions {
  /** Neighbours that a row is judged by, 1 to 200. @default 20 */
  readonly k?: number;
  /** Examples at most so far apart, as cosine distance, are near duplicates, 0 to 2. @default 0.05 */
  readonly nearDistance?: number;
  /** Entries of each list of the report, 1 to 1000; counts are of all. @default 20 */
  readonly top?: number;
  /** Items without a label, of which some are chosen to be labelled next. */
  readonly unlabelled?: readonly Item[];
  /** So many of them. @default 20 */
  readonly select?: number;
  /** Items that were asked about lately: do they look like the pool? */
  readonly queries?: readonly Item[];
}

/** Shares are fractions of 1; distances are those of the index's metric, but for near duplicates. */
export interface HealthReport {
  readonly rows: number;
  /** Labels of these rows. */
  readonly labelCount: number;
  /** P */
  readonly dims: number;
  readonly metric: Metric;
  readonly modality: Modality;
  /** Neighbours that a row was judged by: n − 1 where there are no more. */
  readonly k: number;
  /** Rows whose vector is zero: by cosine they are equally far from everything. */
  readonly zeroVectors: number;
  readonly duplicates: DuplicateFindings;
  /** Rows whose label is likely wrong, the most doubtful first. */
  readonly doubts: LabelDoubtFindings;
  readonly coverage: CoverageFindings;
  readonly labels: LabelFindings;
  /** What to label next; null where no unlabelled items were given. */
  readonly next: NextItems | null;
  /** Null where no queries were given. */
  readonly drift: DriftFindings | null;
}

/** What items are compared by, and who is told how far the work is. */
export interface HealthSurroundings {
  /** Vectors of items as the pool has them [items,P]. */
  readonly encode: (items: readonly Item[], stage: 'unlabelled' | 'queries') => Promise<Float32Array>;
  /** Told of rows whose neighbours are known; what it throws ends the work. */
  readonly onRows?: (done: number, total: number) => void;
}

const MAX_K = 200;
const MAX_LISTED = 1000;

/**
 * @throws {FungiError} INVALID_ARGUMENT for an option that is none, and fewer than two rows; what `encode` throws
 */
export async function poolHealth(
  pool: Pool,
  options: HealthOptions,
  { encode, onRows }: HealthSurroundings,
): Promise<HealthReport> {
  const { k, nearDistance, top, select, unlabelled, queries } = checked(options);
  const { examples, vectors, dims, metric, modality } = pool;
  const rows = examples.length;
  if (rows < 2) {
    throw new FungiError('INVALID_ARGUMENT', `health: the index has ${rows} examples, two are needed`, {
      hint: 'Add examples: each is judged by the others.',
    });
  }
  const search = await ExactSearch.create(vectors, { rows, dims, metric });
  const graph = await neighbourGraph(search, vectors, { k, onRows: (done) => onRows?.(done, rows) });
  const labels = rowLabels(examples.map(({ label }) => label));
  const equal = equalItems(pool);
  const items = itemNumbers(rows, equal);
  const votes = leaveOneOut(graph, labels, items);
  const near = nearItems(graph, pool, items, nearDistance);
  const nearestOf = async (asked: Float32Array): Promise<Neighbour[]> =>
    (await search.search(asked, 1)).map(([nearest]) => nearest!);

  const drifted = async (asked: readonly Item[]): Promise<DriftFindings> =>
    drift(pool, graph, asked, await nearestOf(await encode(asked, 'queries')), top);

  const next = async (given: readonly Item[]): Promise<NextItems> => {
    const fresh = distinctFrom(given, pool);
    const known = given.length - fresh.length;
    if (fresh.length === 0) return { chosen: [], candidates: 0, known };
    const encoded = await encode(fresh, 'unlabelled');
    const nearest = await nearestOf(encoded);
    search.append(encoded); // the last use of the search: from now on it holds the candidates too
    const candidates = await candidateGraph(search, encoded, { rows, dims, k });
    return nextItems(pool, fresh, candidates, nearest, { select, known });
  };

  return {
    ...{ rows, labelCount: labels.names.length, dims, metric, modality, k: graph.k },
    zeroVectors: countZeros(pool),
    duplicates: {
      equal: sameGroups(equal, pool, top),
      near: { distance: nearDistance, ...sameGroups(near, pool, top) },
    },
    doubts: labelDoubts(pool, labels, votes, equal, top),
    coverage: coverage(pool, labels, graph, top),
    labels: labelNeeds(graph, labels, votes, top),
    drift: queries === undefined ? null : await drifted(queries),
    next: unlabelled === undefined ? null : await next(unlabelled),
  };
}

/** The items that the pool does not have, each once. */
function distinctFrom(given: readonly Item[], { examples, modality }: Pool): Item[] {
  const seen = new Set(examples.map(({ input }) => itemKey(input, modality)));
  return given.filter((item) => {
    const key = itemKey(item, modality);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

function countZeros({ vectors, dims, examples }: Pool): number {
  return examples.filter((_, row) => squareOf(vectors.subarray(row * dims, (row + 1) * dims)) === 0).length;
}

function checked({ k = 20, nearDistance = 0.05, top = 20, select = 20, unlabelled, queries }: HealthOptions) {
  for (const [name, value, most] of [
    ['k', k, MAX_K],
    ['top', top, MAX_LISTED],
    ['select', select, MAX_LISTED],
  ] as const) {
    if (Number.isInteger(value) && value >= 1 && value <= most) continue;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `health: ${name} is ${value}, it must be a whole number from 1 to ${most}`,
    );
  }
  if (!(nearDistance >= 0 && nearDistance <= 2)) {
    throw new FungiError('INVALID_ARGUMENT', `health: nearDistance is ${nearDistance}, it must be from 0 to 2`, {
      hint: 'It is 1 − cosine: 0.05 are texts that say nearly the same.',
    });
  }
  for (const [name, given] of Object.entries({ unlabelled, queries })) {
    if (given?.length === 0) throw new FungiError('INVALID_ARGUMENT', `health: ${name} has no items`);
  }
  return { k, nearDistance, top, select, unlabelled, queries };
}
