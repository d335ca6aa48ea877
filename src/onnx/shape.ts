/** Shapes with symbolic dimensions: a number is known when the graph is built, a string names one that a run decides. */
import { FungiError } from '../core/errors.js';

export type Dim = number | string;
export type Shape = readonly Dim[];

/** Elements of a tensor of this shape. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/**
 * NumPy broadcasting of two shapes.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED naming both shapes when they do not broadcast
 */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) return left;
    if (left === 1) return right;
    throw new FungiError('MODEL_UNSUPPORTED', `shapes ${showShape(a)} and ${showShape(b)} do not broadcast`);
  });
}

/** A possibly negative axis of a tensor of this rank, as 0 … rank−1. */
export const normalAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** The axes along which `from` was repeated to give `to`: sum over them to go back. */
export function broadcastAxes(from: Shape, to: Shape): { readonly leading: number[]; readonly stretched: number[] } {
  const missing = to.length - from.length;
  const leading = Array.from({ length: missing }, (_, i) => i);
  const stretched = from.flatMap((dim, i) => (dim === 1 && to[i + missing] !== 1 ? [i + missing] : []));
  return { leading, stretched };
}
