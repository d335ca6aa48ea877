/** Picking slices of a tensor by their indices. */
import { intAttribute } from '../attributes.js';
import { normalAxis } from '../shape.js';
import { productDim } from './symbols.js';
import { castTo, like, sizeAt, unsupported, upstream, type Backward, type Emitter, type Rule } from './rule.js';

/** A part of a tensor of sizes, and nothing for an empty one. */
function sizesBetween(g: Emitter, sizes: string, from: number, to: number): string[] {
  return from < to ? [g.op('Slice', [sizes, g.integers([from]), g.integers([to])])] : [];
}

/** 1 at [k, n] where the k-th of `indices` is n, which may count from the end; of the type of `x`. */
function oneHot(g: Emitter, indices: string, size: string, x: string): string {
  const flat = castTo(g, g.op('Reshape', [indices, g.integers([-1])]), 'int64');
  const values = castTo(g, g.integers([0, 1]), 'float32');
  return castTo(g, g.op('OneHot', [flat, size, values], { axis: -1 }), g.known(x).type);
}

const swap = (g: Emitter, tensor: string, i: number, j: number): string => {
  if (i === j) return tensor;
  const perm = g.known(tensor).shape.map((_, axis) => (axis === i ? j : axis === j ? i : axis));
  return g.op('Transpose', [tensor], { perm });
};

/**
 * x̄ for y = x taken at `indices` along `axis`: ȳ [.., K, ..] is added up at the places it was taken from, as the product with the
 * one-hot matrix [N, K]. That serves every operator set, indices and sizes of which only a run knows, and indices that occur twice;
 * it costs K·N for each of the other elements, which is little for the few tokens an encoder picks.
 */
export function selected(b: Backward, indices: string, axis: number): string {
  const { g, node } = b;
  const x = node.input[0]!;
  const { type, shape } = g.known(x);
  const sizes = g.op('Shape', [x]);
  const count = g.known(indices).shape.reduce(productDim, 1);
  // onnxruntime leaves a product over no elements as it finds it in memory.
  if (count === 0) return g.op('Expand', [like(g, x, 0), sizes]);
  // Indices of any rank become one axis; a vector gets a second axis so that it is a matrix.
  const target = [
    ...sizesBetween(g, sizes, 0, axis),
    g.integers([-1]),
    ...sizesBetween(g, sizes, axis + 1, shape.length),
    ...(shape.length === 1 ? [g.integers([1])] : []),
  ];
  const flat = g.op('Reshape', [upstream(b), g.op('Concat', target, { axis: 0 })]);
  const rank = Math.max(shape.length, 2);
  const rows = g.annotate(flat, type, [
    ...shape.slice(0, axis),
    count,
    ...shape.slice(axis + 1),
    ...(shape.length === 1 ? [1] : []),
  ]);
  const places = swap(g, oneHot(g, indices, sizeAt(g, sizes, axis), x), 0, 1);
  const added = g.op('MatMul', [places, swap(g, rows, axis, rank - 2)]);
  const moved = swap(g, added, axis, rank - 2);
  return g.annotate(shape.length === 1 ? g.op('Reshape', [moved, sizes]) : moved, type, shape);
}

export const gather = {
  Gather: {
    infer: (node, g) => {
      const [x, indices] = [g.known(node.input[0]!), g.known(node.input[1]!)];
      const axis = normalAxis(intAttribute(node, 'axis', 0), x.shape.length);
      return [{ type: x.type, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] }];
    },
    vjp: (b) => {
      const { g, node } = b;
      if (b.needs(1)) unsupported(g, node, 'its indices depend on the target layer');
      const rank = g.known(node.input[0]!).shape.length;
      return [selected(b, node.input[1]!, normalAxis(intAttribute(node, 'axis', 0), rank)), undefined];
    },
  },
} satisfies Record<string, Rule>;

/** Forward-only: what derivatives are written with, and what exporters pick the rows of an attention mask by. */
export const places = {
  OneHot: {
    infer: (node, g) => {
      const [indices, values] = [g.known(node.input[0]!), g.known(node.input[2]!)];
      const depth = g.shapeValue(node.input[1]!)?.[0];
      if (depth === undefined || intAttribute(node, 'axis', -1) !== -1) return undefined;
      return [{ type: values.type, shape: [...indices.shape, depth] }];
    },
    vjp: ({ g, node }) => unsupported(g, node, 'its values depend on the target layer'),
  },
  GatherND: {
    infer: (node, g) => {
      const [x, indices] = [g.known(node.input[0]!), g.known(node.input[1]!)];
      const picked = indices.shape.at(-1);
      if (typeof picked !== 'number') return undefined;
      const rest = x.shape.slice(intAttribute(node, 'batch_dims', 0) + picked);
      return [{ type: x.type, shape: [...indices.shape.slice(0, -1), ...rest] }];
    },
    vjp: ({ g, node }) => unsupported(g, node, 'what it picks from depends on the target layer'),
  },
} satisfies Record<string, Rule>;
