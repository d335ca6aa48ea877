/** Comparisons, logic and positions of extremes: nothing flows back through them, and nothing has to. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

type Comparison =
  'equal' | 'greater' | 'greaterEqual' | 'less' | 'lessEqual' | 'logicalAnd' | 'logicalOr' | 'logicalXor';

const compare =
  (op: Comparison): Kernel =>
  (c) =>
    c.tf[op](c.input(0), c.input(1));

/** The first of several equal elements, or the last. */
function position(c: NodeCall, op: 'argMax' | 'argMin'): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const axis = c.axis(c.int('axis', 0), x.rank);
  const found =
    c.int('select_last_index', 0) === 0
      ? tf[op](x, axis)
      : tf.sub(tf.scalar(x.shape[axis]! - 1, 'int32'), tf[op](tf.reverse(x, axis), axis));
  return c.int('keepdims', 1) === 1 ? tf.expandDims(found, axis) : found;
}

/** Of one sign only, where the attributes say so. */
function infinite(c: NodeCall): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const sides = [
    ...(c.int('detect_positive', 1) === 1 ? [Infinity] : []),
    ...(c.int('detect_negative', 1) === 1 ? [-Infinity] : []),
  ];
  return sides
    .map((side) => tf.equal(x, tf.scalar(side)))
    .reduce<TfTensor>((any, one) => tf.logicalOr(any, one), tf.zeros(x.shape, 'bool'));
}

export const comparison = {
  Equal: compare('equal'),
  Greater: compare('greater'),
  GreaterOrEqual: compare('greaterEqual'),
  Less: compare('less'),
  LessOrEqual: compare('lessEqual'),
  And: compare('logicalAnd'),
  Or: compare('logicalOr'),
  Xor: compare('logicalXor'),
  Not: (c) => c.tf.logicalNot(c.input(0)),
  IsNaN: (c) => c.tf.isNaN(c.input(0)),
  IsInf: infinite,
  ArgMax: (c) => position(c, 'argMax'),
  ArgMin: (c) => position(c, 'argMin'),
} satisfies Record<string, Kernel>;
