/** Evaluates shape arithmetic: which symbolic shape a tensor of sizes stands for. */
import { intAttribute } from './attributes.js';
import type { NodeProto } from './proto/onnx_pb.js';
import { normalAxis, type Dim, type Shape } from './shape.js';

export interface ShapeSource {
  maker(tensor: string): NodeProto | undefined;
  /** The values of a constant of integers. */
  constant(tensor: string): readonly number[] | undefined;
  /** The shape of a tensor, when inferred. */
  shape(tensor: string): Shape | undefined;
}

/** The sizes that `tensor` holds, or undefined where they are not parts of known shapes put together. */
export function shapeValue(tensor: string, source: ShapeSource): Shape | undefined {
  const constant = source.constant(tensor);
  if (constant !== undefined) return constant;
  const node = source.maker(tensor);
  if (node === undefined) return undefined;
  const value = (input: number): Shape | undefined => shapeValue(node.input[input]!, source);
  switch (node.opType) {
    case 'Shape': {
      const sizes = source.shape(node.input[0]!);
      return sizes?.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', sizes.length));
    }
    case 'Identity':
    case 'Cast':
    case 'Unsqueeze':
    case 'Squeeze':
      return value(0);
    case 'Concat': {
      const parts = node.input.map((_, i) => value(i));
      return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part!);
    }
    case 'Gather': {
      const [sizes, indices] = [value(0), value(1)];
      if (sizes === undefined || indices === undefined || intAttribute(node, 'axis', 0) !== 0) return undefined;
      const picked = indices.map((i): Dim | undefined =>
        typeof i === 'number' ? sizes[normalAxis(i, sizes.length)] : undefined,
      );
      return picked.some((dim) => dim === undefined) ? undefined : picked.map((dim) => dim!);
    }
    case 'Slice': {
      const sizes = value(0);
      if (node.input[4] !== undefined && source.constant(node.input[4])?.[0] !== 1) return undefined;
      const range = [1, 2].map((i) => source.constant(node.input[i]!)?.[0]);
      return range.some((end) => end === undefined) ? undefined : sizes?.slice(range[0], range[1]);
    }
    default:
      return undefined;
  }
}
