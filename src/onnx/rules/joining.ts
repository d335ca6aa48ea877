/** Concat and Split, each of which is the other's derivative. */
import { intAttribute, intsAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis, type Dim } from '../shape.js';
import { sumDim } from './symbols.js';
import { constantIntegers, given, like, sizeAt, unsupported, upstream } from './rule.js';
import type { Backward, Emitter, Rule } from './rule.js';

function axisOf(node: NodeProto, g: Emitter): number {
  return normalAxis(intAttribute(node, 'axis', 0), g.known(node.input[0]!).shape.length);
}

/** Where each part starts, and where the last ends: constants as long as the sizes are, then sums of sizes at run time. */
function boundaries(g: Emitter, parts: readonly string[], axis: number): string[] {
  let [known, tensor]: [number | undefined, string] = [0, g.integers([0])];
  const found = [tensor];
  for (const part of parts) {
    const size = g.known(part).shape[axis]!;
    if (known !== undefined && typeof size === 'number') tensor = g.integers([(known += size)]);
    else {
      known = undefined;
      tensor = g.op('Add', [tensor, sizeAt(g, g.op('Shape', [part]), axis)]);
    }
    found.push(tensor);
  }
  return found;
}

/** Sizes of the parts: as attribute before operator set 13, as input from there on, else equal ones (the last may be smaller). */
function splitSizes(node: NodeProto, g: Emitter): number[] | undefined {
  const named = intsAttribute(node, 'split') ?? constantIntegers(g, node, 1);
  if (named !== undefined || given(node, 1)) return named;
  const size = g.known(node.input[0]!).shape[axisOf(node, g)];
  if (typeof size !== 'number') return undefined;
  const parts = intAttribute(node, 'num_outputs', node.output.length);
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, i) => Math.min(each, size - i * each));
}

/** Zeros of the input's shape but `size` along `axis`, for an output that the loss does not depend on. */
function zeros(b: Backward, axis: number, size: number): string {
  const { g, node } = b;
  const { shape } = g.known(node.input[0]!);
  const whole = g.op('Shape', [node.input[0]!]);
  const sizes = shape.map((dim: Dim, i) =>
    i === axis ? g.integers([size]) : typeof dim === 'number' ? g.integers([dim]) : sizeAt(g, whole, i),
  );
  return g.op('Expand', [like(g, node.input[0]!, 0), g.op('Concat', sizes, { axis: 0 })]);
}

export const joining = {
  Concat: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axis = axisOf(node, g);
      const total = sumDim(node.input.map((name) => g.known(name).shape[axis]!));
      return [{ type, shape: shape.map((dim, i) => (i === axis ? total : dim)) }];
    },
    vjp: (b) => {
      const { g, node } = b;
      const axis = axisOf(node, g);
      const ends = boundaries(g, node.input, axis);
      return node.input.map((part, i) => {
        if (!b.needs(i)) return undefined;
        const { type, shape } = g.known(part);
        const sliced = g.op('Slice', [upstream(b), ends[i]!, ends[i + 1]!, g.integers([axis])]);
        return g.annotate(sliced, type, shape);
      });
    },
  },
  Split: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const axis = axisOf(node, g);
      return splitSizes(node, g)?.map((size) => ({ type, shape: shape.map((dim, i) => (i === axis ? size : dim)) }));
    },
    vjp: (b) => {
      const { g, node, cotangents } = b;
      const axis = axisOf(node, g);
      const sizes =
        splitSizes(node, g) ?? unsupported(g, node, `neither its sizes nor the size of axis ${axis} are constant`);
      const parts = sizes.map((size, i) => cotangents[i] ?? zeros(b, axis, size));
      return [g.op('Concat', parts, { axis }), undefined];
    },
  },
} satisfies Record<string, Rule>;
