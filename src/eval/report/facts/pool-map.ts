/** The pool in two dimensions, for the eye: near in the features is near on the map, as far as a plane allows (UMAP). */
import { UMAP } from 'umap-js';
import { Rng } from '../../../core/rng.js';
import type { LabelledItem } from '../../data/labelled.js';
import type { WrongAnswer } from './judged.js';
import { exactNearest } from './plane-neighbours.js';

/** Features of one selector, after PCA. */
export interface MapInput {
  readonly selector: string;
  /** P. */
  readonly dims: number;
  /** Reduced rows of the pool [n,P]. */
  readonly pool: Float32Array;
  /** Reduced queries [B,P]: with them, wrong answers are drawn. */
  readonly queries?: Float32Array | undefined;
}

export interface PoolMap {
  readonly selector: string;
  /** Rows of the pool, of which `points` are a part drawn with seed 0. */
  readonly rows: number;
  readonly points: readonly MapPoint[];
  /** Queries that were answered wrongly with what the selector chose under the first seed. */
  readonly wrong: readonly MapQuery[];
  /** Labels that are told apart: all where they are few, else those confused most. */
  readonly labels: readonly MapLabel[];
  /** Whether these are all labels that were drawn. */
  readonly all: boolean;
}

export interface MapPoint {
  readonly row: number;
  readonly x: number;
  readonly y: number;
  readonly label: string;
}

export interface MapQuery {
  readonly query: number;
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly predicted: string;
}

export interface MapLabel {
  readonly label: string;
  /** Points with that label. */
  readonly points: number;
  /** Of the ten points nearest to each of them on the map the share with the same label, mean over them. */
  readonly sameLabelNearby: number;
}

const POINTS = 1500;
const WRONG = 150;
/** So many labels have a colour and a symbol each. */
export const ALL_LABELS = 12;
const SOME_LABELS = 8;
/** Principal components that are looked at: the first hold most of the distances, and the time grows with them. */
const WIDTH = 64;
const NEIGHBOURS = 20;
const NEARBY = 10;

/** @returns null for fewer rows than UMAP can place */
export function poolMap(
  { selector, dims, pool: features, queries: queryFeatures }: MapInput,
  { pool, queries, wrong: answers }: { readonly pool: readonly LabelledItem[]; readonly queries: readonly LabelledItem[]; readonly wrong: readonly WrongAnswer[] }, // prettier-ignore
): PoolMap | null {
  const rows = Rng.stream(0, 'report', 'map').sample(pool.length, POINTS).sort((a, b) => a - b); // prettier-ignore
  if (rows.length < 4) return null;
  const rng = Rng.stream(0, 'report', 'umap');
  const umap = new UMAP({
    nNeighbors: Math.min(NEIGHBOURS, rows.length - 1),
    minDist: 0.3,
    random: () => rng.float(),
  });
  const width = Math.min(dims, WIDTH);
  const vector = (values: Float32Array, row: number): number[] => [...values.subarray(row * dims, row * dims + width)];
  const places = umap.fit(rows.map((row) => vector(features, row)));
  const points = rows.map((row, i) => ({ row, ...place(places[i]!), label: pool[row]!.label }));
  const wrong = queryFeatures === undefined ? [] : someOf(answers);
  const wrongPlaces = wrong.length === 0 ? [] : umap.transform(wrong.map(({ query }) => vector(queryFeatures!, query)));
  const drawn = [...new Set(points.map(({ label }) => label))].sort();
  const told = drawn.length <= ALL_LABELS ? drawn : mostConfused(answers, queries, new Set(drawn));
  return {
    selector,
    rows: pool.length,
    points,
    wrong: wrong.map(({ query, predicted }, i) => ({
      ...{ query, ...place(wrongPlaces[i]!) },
      ...{ label: queries[query]!.label, predicted },
    })),
    labels: labelsOf(told, points),
    all: told.length === drawn.length,
  };
}

const place = ([x = 0, y = 0]: readonly number[]): { readonly x: number; readonly y: number } => ({
  x: round(x),
  y: round(y),
});

/** What a plot can show. */
const round = (value: number): number => Math.round(1000 * value) / 1000;

const someOf = (wrong: readonly WrongAnswer[]): WrongAnswer[] =>
  Rng.stream(0, 'report', 'map', 'wrong')
    .sample(wrong.length, WRONG)
    .map((i) => wrong[i]!)
    .sort((a, b) => a.query - b.query);

/** Labels by their part in wrong answers, as the truth or as the answer. */
function mostConfused(
  wrong: readonly WrongAnswer[],
  queries: readonly LabelledItem[],
  drawn: ReadonlySet<string>,
): string[] {
  const errors = new Map([...drawn].map((label) => [label, 0]));
  wrong.forEach(({ query, predicted }) => {
    for (const label of [queries[query]!.label, predicted]) {
      if (drawn.has(label)) errors.set(label, errors.get(label)! + 1);
    }
  });
  return [...errors]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, SOME_LABELS)
    .map(([label]) => label);
}

function labelsOf(told: readonly string[], points: readonly MapPoint[]): MapLabel[] {
  const nearby = exactNearest(points, NEARBY);
  return told.map((label) => {
    const own = points.flatMap((point, i) => (point.label === label ? [i] : []));
    const shares = own.map((i) => nearby[i]!.filter((j) => points[j]!.label === label).length / nearby[i]!.length);
    return { label, points: own.length, sameLabelNearby: shares.reduce((sum, share) => sum + share, 0) / own.length };
  });
}
