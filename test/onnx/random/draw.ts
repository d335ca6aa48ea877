/** What random cases are drawn from: shapes, axes, shapes that broadcast, and axes whose sizes only a run knows. */
import fc from 'fast-check';
import { OPSETS, type Case, type Operand } from '../cases/case.js';
import type { Dim, Shape } from '../../../src/onnx/shape.js';

export const size = fc.integer({ min: 1, max: 4 });

export const shapeOf = (minLength: number, maxLength = 4): fc.Arbitrary<number[]> =>
  fc.array(size, { minLength, maxLength });

export const values = <T>(...of: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...of);

/** An operator set from `first` on. */
export const opset = (first = 11): fc.Arbitrary<number> => fc.constantFrom(...OPSETS.filter((set) => set >= first));

/** An axis of a tensor of this rank, counted from either end. */
export const axisOf = (rank: number): fc.Arbitrary<number> => fc.integer({ min: -rank, max: rank - 1 });

/** Some of the axes of a tensor of this rank, in any order, each counted from either end. */
export const axesOf = (rank: number, minLength = 1): fc.Arbitrary<number[]> =>
  fc
    .tuple(
      fc.shuffledSubarray(
        Array.from({ length: rank }, (_, i) => i),
        { minLength: Math.min(minLength, rank) },
      ),
      fc.infiniteStream(fc.boolean()),
    )
    .map(([axes, signs]) => axes.map((axis) => (signs.next().value === true ? axis - rank : axis)));

export const permutation = (rank: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray(
    Array.from({ length: rank }, (_, i) => i),
    { minLength: rank },
  );

/** Shapes with symbols on some of the axes, and the sizes that these stand for. */
export interface Symbolic {
  readonly shape: Shape;
  readonly dims: Readonly<Record<string, number>>;
}

/** Each axis named after its place and size, or left a number: one name has one size, in whichever cases share a graph. */
export const symbolic = (shape: readonly number[]): fc.Arbitrary<Symbolic> =>
  fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }).map((named) => ({
    shape: shape.map((dim, i): Dim => (named[i] === true ? `d${i}of${dim}` : dim)),
    dims: Object.fromEntries(shape.map((dim, i) => [`d${i}of${dim}`, dim])),
  }));

export const symbolicShape = (minLength: number, maxLength = 4): fc.Arbitrary<Symbolic> =>
  shapeOf(minLength, maxLength).chain(symbolic);

export interface Broadcasting {
  readonly shapes: readonly Shape[];
  readonly dims: Readonly<Record<string, number>>;
}

/** Shapes that broadcast to one another's common shape: each lacks leading axes, and has 1 on some others. */
export const broadcasting = (count: number, minLength = 0, maxLength = 4): fc.Arbitrary<Broadcasting> =>
  symbolicShape(minLength, maxLength).chain(({ shape, dims }) => {
    const part = fc
      .tuple(fc.nat(shape.length), fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }))
      .map(([dropped, ones]) => shape.map((dim, i) => (ones[i] === true ? 1 : dim)).slice(dropped));
    return fc
      .tuple(...Array.from({ length: count }, () => fc.oneof(fc.constant(shape), part)))
      .map((shapes) => ({ shapes, dims }));
  });

/** What a family draws: all of a case but the rule it belongs to; `detail` tells cases apart and seeds their operands. */
export interface Drawn {
  readonly detail: unknown;
  readonly opset: number;
  readonly dims?: Readonly<Record<string, number>>;
  readonly operands: readonly Operand[];
  readonly write: Case['write'];
  readonly float32Tolerance?: number;
  readonly onnxruntime?: boolean;
}

export type Generators = Readonly<Record<string, fc.Arbitrary<Drawn>>>;
