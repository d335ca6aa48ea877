/** Sums, means and soft maxima over axes. */
import { intAttribute, intsAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis } from '../shape.js';
import { sameAsInput } from './pointwise.js';
import { castTo, constantIntegers, floatMask, like, unsupported, upstream, withAxes } from './rule.js';
import type { Backward, Emitter, Rule, TensorInfo } from './rule.js';

/** The axes a reduction runs over, non-negative: when none are named all of them, or none where `noop_with_empty_axes` says so. */
function constantAxes(node: NodeProto, g: Emitter): number[] | undefined {
  const rank = g.known(node.input[0]!).shape.length;
  const named = intsAttribute(node, 'axes') ?? constantIntegers(g, node, 1);
  if (named === undefined && (node.input[1] ?? '') !== '') return undefined;
  if (named !== undefined && named.length > 0) return named.map((axis) => normalAxis(axis, rank));
  return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : Array.from({ length: rank }, (_, i) => i);
}

const reducedAxes = (b: Backward): number[] =>
  constantAxes(b.node, b.g) ?? unsupported(b.g, b.node, 'its axes are not constant');

function inferReduction(node: NodeProto, g: Emitter): TensorInfo[] | undefined {
  const { type, shape } = g.known(node.input[0]!);
  const axes = constantAxes(node, g);
  if (axes === undefined) return undefined;
  const keep = intAttribute(node, 'keepdims', 1) === 1;
  return [{ type, shape: shape.flatMap((dim, i) => (axes.includes(i) ? (keep ? [1] : []) : [dim])) }];
}

/** The reduced tensor (or its cotangent) with the lost axes back as ones, so that it broadcasts against the input. */
function restored(b: Backward, tensor: string): string {
  return intAttribute(b.node, 'keepdims', 1) === 1 ? tensor : withAxes(b.g, 'Unsqueeze', tensor, reducedAxes(b));
}

function spread(b: Backward): string {
  const { g, node } = b;
  return g.op('Expand', [restored(b, upstream(b)), g.op('Shape', [node.input[0]!])]);
}

/** How many elements each mean is taken over, as a scalar tensor: constant where the axes are, else read off the shape. */
function count(b: Backward): string {
  const { g, node } = b;
  const { shape } = g.known(node.input[0]!);
  const dims = reducedAxes(b).map((axis) => shape[axis]!);
  if (dims.every((dim) => typeof dim === 'number')) {
    return like(
      g,
      node.input[0]!,
      dims.reduce((product, dim) => product * dim, 1),
    );
  }
  // The number of elements before over after; both are data only at run time.
  const size = (tensor: string): string => castTo(g, g.op('Size', [tensor]), g.known(node.input[0]!).type);
  return g.op('Div', [size(node.input[0]!), size(node.output[0]!)]);
}

const softmaxAxis = (node: NodeProto, g: Emitter): number => {
  const rank = g.known(node.input[0]!).shape.length;
  const axis = normalAxis(intAttribute(node, 'axis', g.opset >= 13 ? -1 : 1), rank);
  // Before operator set 13 every axis from this one on was normalised together: the same thing on the last axis only.
  if (g.opset < 13 && axis !== rank - 1) unsupported(g, node, 'before operator set 13 only the last axis is supported');
  return axis;
};

/** ReduceMax and ReduceMin: where several elements are equal each gets its share, as PyTorch's amax and amin do. */
const extreme: Rule = {
  infer: inferReduction,
  vjp: (b) => {
    const { g, node } = b;
    const x = node.input[0]!;
    const chosen = floatMask(g, g.op('Equal', [x, restored(b, node.output[0]!)]), x);
    const axes = reducedAxes(b);
    const ties = axes.length === 0 ? chosen : withAxes(g, 'ReduceSum', chosen, axes, { keepdims: 1 });
    return [g.op('Mul', [chosen, g.op('Div', [restored(b, upstream(b)), ties])])];
  },
};

export const reduction = {
  ReduceSum: { infer: inferReduction, vjp: (b) => [spread(b)] },
  ReduceMean: { infer: inferReduction, vjp: (b) => [b.g.op('Div', [spread(b), count(b)])] },
  ReduceLogSumExp: {
    infer: inferReduction,
    vjp: (b) => {
      const { g, node } = b;
      const softmax = g.op('Exp', [g.op('Sub', [node.input[0]!, restored(b, node.output[0]!)])]);
      return [g.op('Mul', [softmax, restored(b, upstream(b))])];
    },
  },
  ReduceMax: extreme,
  ReduceMin: extreme,
  ReduceL1: {
    infer: inferReduction,
    vjp: (b) => [b.g.op('Mul', [b.g.op('Sign', [b.node.input[0]!]), restored(b, upstream(b))])],
  },
  /** Of ‖x‖: x/‖x‖, and 0 at 0 as in PyTorch. */
  ReduceL2: {
    infer: inferReduction,
    vjp: (b) => {
      const { g, node } = b;
      const norm = restored(b, node.output[0]!);
      const divisor = g.op('Where', [g.op('Equal', [norm, like(g, norm, 0)]), like(g, norm, 1), norm]);
      return [g.op('Mul', [node.input[0]!, g.op('Div', [restored(b, upstream(b)), divisor])])];
    },
  },
  ReduceSumSquare: {
    infer: inferReduction,
    vjp: (b) => {
      const { g, node } = b;
      const twice = g.op('Mul', [node.input[0]!, like(g, node.input[0]!, 2)]);
      return [g.op('Mul', [twice, restored(b, upstream(b))])];
    },
  },
  Softmax: {
    infer: sameAsInput,
    vjp: (b) => {
      const { g, node } = b;
      const weighted = g.op('Mul', [upstream(b), node.output[0]!]);
      const total = withAxes(g, 'ReduceSum', weighted, [softmaxAxis(node, g)], { keepdims: 1 });
      return [g.op('Sub', [weighted, g.op('Mul', [node.output[0]!, total])])];
    },
  },
  LogSoftmax: {
    infer: sameAsInput,
    vjp: (b) => {
      const { g, node } = b;
      const total = withAxes(g, 'ReduceSum', upstream(b), [softmaxAxis(node, g)], { keepdims: 1 });
      return [g.op('Sub', [upstream(b), g.op('Mul', [g.op('Exp', [node.output[0]!]), total])])];
    },
  },
} satisfies Record<string, Rule>;
