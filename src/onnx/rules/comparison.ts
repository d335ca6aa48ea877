/** Forward-only: comparisons, logic and rounding are constant between their steps, and nothing flows back through them. */
import { intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis } from '../shape.js';
import { flat, inferBroadcast, sameAsInput } from './pointwise.js';
import type { Emitter, Rule, TensorInfo } from './rule.js';

const truth = flat((node, g) => inferBroadcast(node, g)?.map(({ shape }) => ({ type: 'bool' as const, shape })));

const place = flat((node: NodeProto, g: Emitter): TensorInfo[] => {
  const { shape } = g.known(node.input[0]!);
  const axis = normalAxis(intAttribute(node, 'axis', 0), shape.length);
  const kept = intAttribute(node, 'keepdims', 1) === 1 ? [1] : [];
  return [{ type: 'int64', shape: [...shape.slice(0, axis), ...kept, ...shape.slice(axis + 1)] }];
});

export const comparison = {
  Greater: truth,
  GreaterOrEqual: truth,
  Less: truth,
  LessOrEqual: truth,
  Equal: truth,
  Not: truth,
  And: truth,
  Or: truth,
  Xor: truth,
  IsNaN: truth,
  IsInf: truth,
  ArgMax: place,
  ArgMin: place,
  Sign: flat(sameAsInput),
  Floor: flat(sameAsInput),
  Ceil: flat(sameAsInput),
  Round: flat(sameAsInput),
} satisfies Record<string, Rule>;
