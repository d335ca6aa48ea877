/** Dense tensors of the reference interpreter: plain float64 arrays, row-major; the element type is only a label. */
import type { ElementType } from '../../src/onnx/tensor.js';

export interface Value {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

export const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** A tensor from a function of the index vector; `index` is reused from call to call. */
export function tabulate(type: ElementType, shape: readonly number[], f: (index: readonly number[]) => number): Value {
  const data = new Float64Array(product(shape));
  const index = shape.map(() => 0);
  for (let i = 0; i < data.length; i++) {
    data[i] = f(index);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
  }
  return { type, shape, data };
}

/** The element at an index vector. Broadcasting: missing leading axes are skipped, size-1 axes are read at 0. */
export function at(value: Value, index: readonly number[]): number {
  const lead = index.length - value.shape.length;
  let offset = 0;
  for (let axis = 0; axis < value.shape.length; axis++) {
    const size = value.shape[axis]!;
    offset = offset * size + (size === 1 ? 0 : index[axis + lead]!);
  }
  return value.data[offset]!;
}

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis + a.length - rank] ?? 1;
    const right = b[axis + b.length - rank] ?? 1;
    if (left !== right && left !== 1 && right !== 1)
      throw new Error(`[${a.join()}] and [${b.join()}] do not broadcast`);
    return left === 1 ? right : left;
  });
}

export const axisOf = (axis: number, rank: number): number => {
  const normal = axis < 0 ? axis + rank : axis;
  if (normal < 0 || normal >= Math.max(rank, 1)) throw new Error(`axis ${axis} of rank ${rank}`);
  return normal;
};

/** Operators whose operands must have one element type. */
export function sameType(...values: readonly Value[]): ElementType {
  const types = new Set(values.map((value) => value.type));
  if (types.size !== 1) throw new Error(`operands of types ${[...types].join(', ')}`);
  return values[0]!.type;
}

/** The integers of a shape, axes or index operand, which ONNX wants as int64. */
export function int64s(value: Value): number[] {
  if (value.type !== 'int64') throw new Error(`wants int64, got ${value.type}`);
  return [...value.data];
}
