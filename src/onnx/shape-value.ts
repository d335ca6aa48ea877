/** Evaluates shape arithmetic: which symbolic shape a tensor of sizes stands for. */
import { intAttribute, tensorAttribute } from './attributes.js';
import type { NodeProto } from './proto/onnx_pb.js';
import { productDim, sumDim } from './rules/symbols.js';
import { normalAxis, type Dim, type Shape } from './shape.js';
import { integers } from './tensor.js';

export interface ShapeSource {
  maker(tensor: string): NodeProto | undefined;
  /** The values of a constant of integers. */
  constant(tensor: string): readonly number[] | undefined;
  /** The shape of a tensor, when inferred. */
  shape(tensor: string): Shape | undefined;
}

type Read = (input: number) => Shape | undefined;

/** The sizes that `tensor` holds, or undefined where they are not parts of known shapes put together. */
export function shapeValue(tensor: string, source: ShapeSource): Shape | undefined {
  const constant = source.constant(tensor);
  if (constant !== undefined) return constant;
  const node = source.maker(tensor);
  return node && valueOf(node, source, (input) => shapeValue(node.input[input]!, source));
}

function valueOf(node: NodeProto, source: ShapeSource, value: Read): Shape | undefined {
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
    case 'Reshape': {
      // A list stays a list whatever the runtime calls its shape.
      const target = value(1);
      return target !== undefined && target.length <= 1 ? value(0) : undefined;
    }
    case 'Concat': {
      const parts = node.input.map((_, i) => value(i));
      return parts.some((part) => part === undefined) ? undefined : parts.flatMap((part) => part!);
    }
    case 'Gather':
      return picked(node, value);
    case 'Slice': {
      const sizes = value(0);
      if (node.input[4] !== undefined && value(4)?.[0] !== 1) return undefined;
      const range = [1, 2].map((i) => value(i)?.[0]);
      return range.every((end) => typeof end === 'number') ? sizes?.slice(range[0], range[1]) : undefined;
    }
    case 'ConstantOfShape': {
      const [length, fill] = [value(0), filling(node)];
      if (length?.length !== 1 || typeof length[0] !== 'number' || fill === undefined) return undefined;
      return Array.from({ length: length[0] }, () => fill);
    }
    case 'Add':
      return zipped(value, (a, b) => sumDim([a, b]));
    case 'Mul':
      return zipped(value, product);
    case 'Sub':
      return zipped(value, (a, b) =>
        b === 0 ? a : typeof a === 'number' && typeof b === 'number' ? a - b : undefined,
      );
    case 'Div':
      return zipped(value, quotient);
    case 'Mod':
      return zipped(value, remainder);
    case 'Equal':
      return zipped(value, (a, b) => equal(a, b));
    case 'Where':
      return chosen(value);
    default:
      return undefined;
  }
}

function picked(node: NodeProto, value: Read): Shape | undefined {
  const [sizes, indices] = [value(0), value(1)];
  if (sizes === undefined || indices === undefined || intAttribute(node, 'axis', 0) !== 0) return undefined;
  return complete(indices.map((i) => (typeof i === 'number' ? sizes[normalAxis(i, sizes.length)] : undefined)));
}

const complete = (dims: readonly (Dim | undefined)[]): Shape | undefined =>
  dims.every((dim) => dim !== undefined) ? dims : undefined;

/** The integer that ConstantOfShape fills with; by default it is a float, which no size is. */
function filling(node: NodeProto): number | undefined {
  const tensor = tensorAttribute(node, 'value');
  return tensor && integers(tensor)?.[0];
}

/** Element by element; a single element goes with all. */
function zipped(value: Read, f: (a: Dim, b: Dim) => Dim | undefined): Shape | undefined {
  const [a, b] = [value(0), value(1)];
  if (a === undefined || b === undefined) return undefined;
  const length = Math.max(a.length, b.length);
  if ([a, b].some((part) => part.length !== length && part.length !== 1)) return undefined;
  return complete(Array.from({ length }, (_, i) => f(a[a.length === 1 ? 0 : i]!, b[b.length === 1 ? 0 : i]!)));
}

/** A symbol times −1 is a mark of exporters, not a size; two symbols may be one number or not. */
function product(a: Dim, b: Dim): Dim | undefined {
  const symbols = [a, b].filter((dim) => typeof dim === 'string').length;
  return symbols === 2 || (symbols === 1 && [a, b].includes(-1)) ? undefined : productDim(a, b);
}

/** "B*4" by 4 is "B"; no other symbol has a known quotient. */
function quotient(a: Dim, b: Dim): Dim | undefined {
  if (b === 1 || typeof b === 'string') return b === 1 ? a : undefined;
  if (typeof a === 'number') return b === 0 ? undefined : Math.trunc(a / b);
  return a.endsWith(`*${b}`) ? a.slice(0, -`*${b}`.length) : undefined;
}

/** With the sign of the divisor. */
const remainder = (a: Dim, b: Dim): Dim | undefined =>
  typeof a === 'number' && typeof b === 'number' && b !== 0 ? ((a % b) + b) % b : undefined;

/** 1 or 0. A symbol is a size: equal to itself, and to no negative number. */
function equal(a: Dim, b: Dim): Dim | undefined {
  if (a === b || (typeof a === 'number' && typeof b === 'number')) return Number(a === b);
  return [a, b].some((dim) => typeof dim === 'number' && dim < 0) ? 0 : undefined;
}

function chosen(value: Read): Shape | undefined {
  const [condition, whenTrue, whenFalse] = [value(0), value(1), value(2)];
  if (condition === undefined || whenTrue === undefined || whenFalse === undefined) return undefined;
  const at = (part: Shape, i: number): Dim | undefined => part[part.length === 1 ? 0 : i];
  const length = Math.max(condition.length, whenTrue.length, whenFalse.length);
  return complete(
    Array.from({ length }, (_, i) => {
      const holds = at(condition, i);
      return typeof holds === 'number' ? at(holds === 1 ? whenTrue : whenFalse, i) : undefined;
    }),
  );
}
