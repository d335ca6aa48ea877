/** The directions along which class means differ most, measured by how rows differ within classes. */
import { FungiError } from '../core/errors.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { inverseTranspose, pivotedCholesky } from './cholesky.js';
import { fixSigns } from './eigen.js';
import { inverseFactor } from './inverse-factor.js';
import { rowsAt } from './labelled-statistics.js';
import type { Scatter } from './scatter.js';
import { leadingEigen } from './subspace.js';

/** Of the largest squared length among whitened class means: what is shorter is rounding, and gives no direction. */
const FLAT = 1e-10;
/** Of a feature's scatter, what the features before it must leave unexplained for the scatter to be invertible. */
const SINGULAR = 1e-11;

export interface DiscriminantOptions extends LinalgOptions {
  /** s in (1 − s)·Sw + s·tr(Sw)/F·I, 0 … 1. */
  readonly shrinkage: number;
  /** P, the most directions. */
  readonly dims: number;
  /** F in tr(Sw)/F, where the rows are coordinates in a part of their space. @default the width of the scatter */
  readonly axes?: number;
}

/**
 * Linear discriminant directions V·L⁻¹ [P,F], where L·Lᵀ is the shrunk scatter within classes and the rows of V are an orthonormal basis
 * of the class means in the space that L⁻¹ whitens; of more than P, those along which the means differ most. P is C − 1 at most, fewer
 * where means coincide or depend on one another, and 0 with a single class. Where rows do not differ within classes nothing is whitened.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a scatter that cannot be inverted, which takes a shrinkage of 0
 */
export async function discriminantDirections(scatter: Scatter, options: DiscriminantOptions): Promise<Float64Array> {
  const { width: F, classes: C, between } = scatter;
  if (C < 2) return new Float64Array(0);
  const whitening = await whiten(scatter, options);
  const means =
    whitening === null ? between : await matmul(between, whitening, { m: C, k: F, n: F, transB: true }, options);
  const basis = await basisOf(means, C, F, options);
  const P = basis.length / F;
  const directions = whitening === null ? basis : await matmul(basis, whitening, { m: P, k: F, n: F }, options);
  fixSigns(directions, P, F);
  return directions;
}

/** L⁻¹ [F,F], or null where there is no scatter. */
async function whiten(
  { width: F, within, rows, classes }: Scatter,
  { shrinkage: s, axes = F, ...linalg }: DiscriminantOptions,
): Promise<Float64Array | null> {
  if (within === null) return null;
  const refuse = (why: string): never => {
    throw new FungiError('INVALID_ARGUMENT', `LDA with shrinkage ${s}: ${why}`, {
      hint: 'Give a shrinkage above 0, e.g. 0.2, or auto.',
      details: { shrinkage: s, rows, classes, features: F },
    });
  };
  if (s === 0 && rows - classes < F) {
    refuse(
      `${rows} labelled rows of ${classes} classes do not determine how ${F} features vary within classes; it takes at least ${F + classes}`,
    );
  }
  let trace = 0;
  for (let i = 0; i < F; i++) trace += within[i * (F + 1)]!;
  const shrunk = new Float64Array(within.length);
  for (let at = 0; at < within.length; at++) shrunk[at] = (1 - s) * within[at]!;
  for (let i = 0; i < F; i++) shrunk[i * (F + 1)]! += (s * trace) / axes;
  const inverse = await inverseFactor(shrunk, F, 0, linalg);
  for (let i = 0; i < F; i++) {
    const left = 1 / inverse[i * (F + 1)]! ** 2;
    if (!(left > SINGULAR * shrunk[i * (F + 1)]!)) refuse(`feature ${i} is a combination of others within every class`);
  }
  return inverse;
}

/** Orthonormal rows [P,F] that span `means` [C,F]. */
async function basisOf(
  means: Float64Array,
  C: number,
  F: number,
  { dims, ...linalg }: DiscriminantOptions,
): Promise<Float64Array> {
  const most = Math.min(C - 1, F);
  if (most > dims && C > F) {
    const gram = await matmul(means, means, { m: F, k: C, n: F, transA: true }, linalg);
    const { values, vectors } = await leadingEigen(gram, F, dims, linalg);
    return vectors.slice(0, notFlat(values) * F);
  }
  const gram = await matmul(means, means, { m: C, k: F, n: C, transB: true }, linalg);
  if (most > dims) {
    const { values, vectors } = await leadingEigen(gram, C, dims, linalg);
    const P = notFlat(values);
    for (let i = 0; i < P; i++) for (let c = 0; c < C; c++) vectors[i * C + c]! /= Math.sqrt(values[i]!);
    return matmul(vectors.slice(0, P * C), means, { m: P, k: C, n: F }, linalg);
  }
  // All of them: any basis has the same distances, and this one takes no eigenvalues.
  let longest = 0;
  for (let c = 0; c < C; c++) longest = Math.max(longest, gram[c * (C + 1)]!);
  const { rank, pivots, factor } = pivotedCholesky(gram, C, FLAT * longest);
  const P = Math.min(rank, most);
  const independent = rowsAt(means, F, [...pivots.subarray(0, P)]);
  const turn = inverseTranspose(leadingBlock(factor, rank, P), P);
  return matmul(turn, independent, { m: P, k: P, n: F, transA: true }, linalg);
}

const notFlat = (values: Float64Array): number => values.filter((value) => value > FLAT * values[0]!).length;

const leadingBlock = (a: Float64Array, n: number, size: number): Float64Array =>
  Float64Array.from({ length: size * size }, (_, at) => a[Math.floor(at / size) * n + (at % size)]!);
