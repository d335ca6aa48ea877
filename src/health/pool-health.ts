/**
 * What is wrong with a pool of labelled examples, and what would help it: rows of an index → neighbour graph → findings → report.
 *
 * Axes: n rows of P dimensions, k neighbours, m unlabelled items, Q queries.
 */
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import { squareOf, type Metric } from '../retrieve/distance.js';
import type { Neighbour } from '../retrieve/exact-search.js';
import { coverage, labelAgreement, type CoverageFindings } from './coverage.js';
import { drift, type DriftFindings } from './drift.js';
import { equalItems, itemKeys, itemNumbers, nearItems, sameGroups, type DuplicateFindings } from './duplicates.js';
import { labelDoubts, type LabelDoubtFindings } from './label-doubts.js';
import { labelNeeds, type LabelFindings } from './label-needs.js';
import { leaveOneOut } from './leave-one-out.js';
import { neighbourGraph } from './neighbour-graph.js';
import { candidateGraph, nextItems, type NextItems } from './next-items.js';
import { Pace } from './pace.js';
import { pacedSearch, searchEach } from './paced-search.js';
import { rowLabels, type Pool } from './pool.js';

/** What is taken where an option is left out, and the most that one may be. */
export const HEALTH_DEFAULTS = { k: 20, nearDistance: 0.05, top: 20, select: 20 } as const;
export const HEALTH_LIMITS = { k: 200, nearDistance: 2, top: 1000, select: 1000 } as const;

export interface HealthOptions {
  /** Neighbours that a row is judged by, 1 to 200. @default 20 */
  readonly k?: number;
  /** Examples at most so far apart, as cosine distance, are near duplicates, 0 to 2. @default 0.05 */
  readonly nearDistance?: number;
  /** Entries of each list of the report, 1 to 1000; counts are of all. @default 20 */
  readonly top?: number;
  /** Items without a label, of which some are chosen to be labelled next. */
  readonly unlabelled?: readonly Item[];
  /** So many of them, 1 to 1000; of no use without them. @default 20 */
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

/** What items are compared by, who is told how far the work is, and in what slices it is done. */
export interface HealthSurroundings {
  /** Vectors of items as the pool has them [items,P]. */
  readonly encode: (items: readonly Item[], stage: 'unlabelled' | 'queries') => Promise<Float32Array>;
  /** Told of rows whose neighbours are known. */
  readonly onRows?: (done: number, total: number) => void;
  /** Its check can end the work wherever it is. */
  readonly pace?: Pace;
}

/**
 * @throws {FungiError} INVALID_ARGUMENT for an option that is none, and fewer than two rows; what `encode` and the pace's check throw
 */
export async function poolHealth(
  pool: Pool,
  options: HealthOptions,
  { encode, onRows, pace = new Pace() }: HealthSurroundings,
): Promise<HealthReport> {
  const { k, nearDistance, top, select, unlabelled, queries } = checked(options);
  const { examples, vectors, dims, metric, modality } = pool;
  const rows = examples.length;
  if (rows < 2) {
    throw new FungiError('INVALID_ARGUMENT', `health: the index has ${rows} examples, two are needed`, {
      hint: 'Add examples: each is judged by the others.',
    });
  }
  const paced = await pacedSearch(vectors, { rows, dims, metric }, pace);
  const graph = await neighbourGraph(paced, vectors, { k, onRows: (done) => onRows?.(done, rows) });
  const labels = rowLabels(examples.map(({ label }) => label));
  const keys = await itemKeys(
    examples.map(({ input }) => input),
    modality,
    pace,
  );
  const equal = equalItems(keys);
  const items = itemNumbers(rows, equal);
  const votes = await leaveOneOut(graph, labels, items, pace);
  const near = await nearItems(graph, pool, items, { limit: nearDistance, pace });
  const agreement = await labelAgreement(graph, labels, pace);
  const nearestOf = async (asked: Float32Array): Promise<Neighbour[]> => {
    const nearest: Neighbour[] = [];
    await searchEach(paced, asked, 1, ([first]) => nearest.push(first!));
    return nearest;
  };

  const drifted = async (asked: readonly Item[]): Promise<DriftFindings> =>
    drift(pool, graph, asked, await nearestOf(await encode(asked, 'queries')), top);

  const next = async (given: readonly Item[]): Promise<NextItems> => {
    const fresh = distinctFrom(given, await itemKeys(given, modality, pace), keys);
    const known = given.length - fresh.length;
    if (fresh.length === 0) return { chosen: [], candidates: 0, known };
    const encoded = await encode(fresh, 'unlabelled');
    const nearest = await nearestOf(encoded);
    paced.search.append(encoded); // the last use of the search: from now on it holds the candidates too
    const candidates = await candidateGraph(paced, encoded, { rows, k });
    return nextItems(pool, fresh, candidates, nearest, { select, known, pace });
  };

  return {
    ...{ rows, labelCount: labels.names.length, dims, metric, modality, k: graph.k },
    zeroVectors: await countZeros(pool, pace),
    duplicates: {
      equal: sameGroups(equal, pool, top),
      near: { distance: nearDistance, ...sameGroups(near, pool, top) },
    },
    doubts: labelDoubts(pool, labels, votes, equal, top),
    coverage: await coverage(pool, labels, graph, { agreement, top, pace }),
    labels: labelNeeds(graph, labels, votes, { agreement, top }),
    drift: queries === undefined ? null : await drifted(queries),
    next: unlabelled === undefined ? null : await next(unlabelled),
  };
}

/** The items that the pool does not have, each once. @param keys what they are the same by; `known` of the pool's */
function distinctFrom(given: readonly Item[], keys: readonly string[], known: readonly string[]): Item[] {
  const seen = new Set(known);
  return given.filter((_, i) => {
    const isNew = !seen.has(keys[i]!);
    seen.add(keys[i]!);
    return isNew;
  });
}

async function countZeros({ vectors, dims, examples }: Pool, pace: Pace): Promise<number> {
  let zeros = 0;
  await pace.each(examples.length, (row) => {
    if (squareOf(vectors.subarray(row * dims, (row + 1) * dims)) === 0) zeros++;
  });
  return zeros;
}

/** @throws {FungiError} INVALID_ARGUMENT for a number of items to choose where there are none to choose from */
export function assertSelects({
  unlabelled,
  select,
}: {
  readonly unlabelled?: readonly Item[] | undefined;
  readonly select?: number | undefined;
}): void {
  if (select === undefined || unlabelled !== undefined) return;
  throw new FungiError('INVALID_ARGUMENT', `health: select is ${select}, and there is nothing to select from`, {
    hint: 'Give the items without a label of which some are to be chosen (unlabelled), or leave select out.',
    details: { select },
  });
}

function checked(options: HealthOptions) {
  const {
    k = HEALTH_DEFAULTS.k,
    nearDistance = HEALTH_DEFAULTS.nearDistance,
    top = HEALTH_DEFAULTS.top,
    select = HEALTH_DEFAULTS.select,
  } = options;
  const { unlabelled, queries } = options;
  for (const [name, value] of Object.entries({ k, top, select })) {
    const most = HEALTH_LIMITS[name as 'k' | 'top' | 'select'];
    if (Number.isInteger(value) && value >= 1 && value <= most) continue;
    throw new FungiError(
      'INVALID_ARGUMENT',
      `health: ${name} is ${value}, it must be a whole number from 1 to ${most}`,
    );
  }
  const farthest = HEALTH_LIMITS.nearDistance;
  if (!(nearDistance >= 0 && nearDistance <= farthest)) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `health: nearDistance is ${nearDistance}, it must be from 0 to ${farthest}`,
      {
        hint: 'It is 1 − cosine: 0.05 are texts that say nearly the same.',
      },
    );
  }
  assertSelects(options);
  for (const [name, given] of Object.entries({ unlabelled, queries })) {
    if (given?.length === 0) throw new FungiError('INVALID_ARGUMENT', `health: ${name} has no items`);
  }
  return { k, nearDistance, top, select, unlabelled, queries };
}
