/** Arithmetic on graph tensors that reads like arithmetic; numbers become constants of the other operand's type. */
import type { GraphBuilder } from './builder.js';
import type { StandardOp } from './rules/table.js';
import { withAxes } from './rules/rule.js';
import { stopGradient } from './stop-gradient.js';
import type { Attributes } from './attributes.js';

export interface Ops {
  readonly add: (a: string, b: string | number) => string;
  readonly sub: (a: string, b: string | number) => string;
  readonly mul: (a: string, b: string | number) => string;
  readonly div: (a: string, b: string | number) => string;
  readonly neg: (a: string) => string;
  readonly exp: (a: string) => string;
  readonly log: (a: string) => string;
  readonly sqrt: (a: string) => string;
  readonly matmul: (a: string, b: string) => string;
  /** Swaps the last two of three axes. */
  readonly transpose: (a: string) => string;
  readonly concat: (tensors: readonly string[], axis: number) => string;
  /** From `start` up to `end` along one axis. */
  readonly slice: (a: string, axis: number, start: number, end: number) => string;
  /** Slices of `a` at whole numbers, whose axes take the place of `axis`. */
  readonly gather: (a: string, indices: string, axis: number) => string;
  /** Place of the first maximum along an axis, which goes; whole numbers have no derivative. */
  readonly argMax: (a: string, axis: number) => string;
  readonly reshape: (a: string, shape: readonly number[]) => string;
  readonly sum: (a: string, axes: readonly number[], keep?: boolean) => string;
  readonly mean: (a: string, axes: readonly number[], keep?: boolean) => string;
  readonly logSumExp: (a: string, axes: readonly number[], keep?: boolean) => string;
  readonly toFloat64: (a: string) => string;
  readonly toFloat32: (a: string) => string;
  /** a/‖a‖₂ along the last axis. */
  readonly normalize: (a: string) => string;
  /** `a`, as a constant to derivatives. */
  readonly stopGradient: (a: string) => string;
}

export function ops(g: GraphBuilder): Ops {
  const op = (type: StandardOp, inputs: readonly string[], attributes: Attributes = {}): string =>
    g.op(type, inputs, attributes);
  const operand = (like: string, b: string | number): string =>
    typeof b === 'string' ? b : g.scalar(b, g.known(like).type === 'float64' ? 'float64' : 'float32');
  const reduce = (type: StandardOp, a: string, axes: readonly number[], keep: boolean): string =>
    withAxes(g, type, a, axes, { keepdims: keep ? 1 : 0 });

  const self: Ops = {
    add: (a, b) => op('Add', [a, operand(a, b)]),
    sub: (a, b) => op('Sub', [a, operand(a, b)]),
    mul: (a, b) => op('Mul', [a, operand(a, b)]),
    div: (a, b) => op('Div', [a, operand(a, b)]),
    neg: (a) => op('Neg', [a]),
    exp: (a) => op('Exp', [a]),
    log: (a) => op('Log', [a]),
    sqrt: (a) => op('Sqrt', [a]),
    matmul: (a, b) => op('MatMul', [a, b]),
    transpose: (a) => op('Transpose', [a], { perm: [0, 2, 1] }),
    concat: (tensors, axis) => op('Concat', tensors, { axis }),
    slice: (a, axis, start, end) => op('Slice', [a, ...[start, end, axis].map((value) => g.integers([value]))]),
    gather: (a, indices, axis) => op('Gather', [a, indices], { axis }),
    argMax: (a, axis) => op('ArgMax', [a], { axis, keepdims: 0 }),
    reshape: (a, shape) => op('Reshape', [a, g.integers(shape)]),
    sum: (a, axes, keep = false) => reduce('ReduceSum', a, axes, keep),
    mean: (a, axes, keep = false) => reduce('ReduceMean', a, axes, keep),
    logSumExp: (a, axes, keep = false) => reduce('ReduceLogSumExp', a, axes, keep),
    toFloat64: (a) => op('Cast', [a], { to: 11 }),
    toFloat32: (a) => op('Cast', [a], { to: 1 }),
    normalize: (a) => self.div(a, self.sqrt(self.sum(self.mul(a, a), [-1], true))),
    stopGradient: (a) => stopGradient(g, a),
  };
  return self;
}
