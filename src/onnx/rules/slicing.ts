/** Operators that cut tensors out or frame them: Slice and Pad, each of which is the other's derivative. */
import { stringAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis, type Dim } from '../shape.js';
import { slicedDim } from './symbols.js';
import { selected } from './gather.js';
import { castTo, constantIntegers, given, like, sizeAt, unsupported, upstream, withAxes } from './rule.js';
import type { Backward, Emitter, Rule } from './rule.js';

/** A slice along one axis; starts and ends may be known only at run time. */
interface Range {
  readonly axis: number;
  /** Place in the lists of starts, ends and steps. */
  readonly place: number;
  readonly start: number | undefined;
  readonly end: number | undefined;
  readonly step: number;
}

/** The ranges of a slice, or undefined where its axes or steps are not constant. */
function ranges(node: NodeProto, g: Emitter): Range[] | undefined {
  const { shape } = g.known(node.input[0]!);
  const [starts, ends, axes, steps] = [1, 2, 3, 4].map((i) => constantIntegers(g, node, i));
  if ((axes === undefined && given(node, 3)) || (steps === undefined && given(node, 4))) return undefined;
  const bounds = [node.input[1]!, node.input[2]!].map((name) => g.known(name).shape[0]);
  const count = axes?.length ?? starts?.length ?? ends?.length ?? bounds.find((length) => typeof length === 'number');
  if (count === undefined) return undefined;
  return Array.from({ length: count }, (_, place) => ({
    axis: normalAxis(axes?.[place] ?? place, shape.length),
    place,
    start: starts?.[place],
    end: ends?.[place],
    step: steps?.[place] ?? 1,
  }));
}

/** Zeros in front of each axis' slice, as a tensor: how many elements lie before its (clamped) start. */
function before(b: Backward, cut: readonly Range[]): string {
  const { g, node } = b;
  const x = node.input[0]!;
  const { shape } = g.known(x);
  const counts = shape.map((size, axis): string => {
    const range = cut.find((r) => r.axis === axis);
    if (range === undefined) return g.integers([0]);
    const { start } = range;
    if (start === 0) return g.integers([0]);
    if (start !== undefined && typeof size === 'number') return g.integers([clamped(start, size)]);
    // The slice clamps, and so does a slice of the axis' positions that ends where this one starts.
    const end = start === undefined ? castTo(g, sizeAt(g, node.input[1]!, range.place), 'int64') : g.integers([start]);
    return g.op('Shape', [g.op('Slice', [positions(g, x, axis), g.integers([0]), end])]);
  });
  return g.op('Concat', counts, { axis: 0 });
}

const clamped = (position: number, size: number): number =>
  Math.min(Math.max(position < 0 ? position + size : position, 0), size);

/** 0 … size − 1 of an axis. */
function positions(g: Emitter, x: string, axis: number): string {
  const size = withAxes(g, 'Squeeze', sizeAt(g, g.op('Shape', [x]), axis), [0]);
  return g.op('Range', [g.scalar(0, 'int64'), size, g.scalar(1, 'int64')]);
}

/** Zeros around the cotangent, as many as the slice left out on each side. */
function framed(b: Backward, cut: readonly Range[]): string {
  const { g, node } = b;
  const x = node.input[0]!;
  const { type, shape } = g.known(x);
  const constant = cut.every(
    ({ axis, start, end }) => start !== undefined && end !== undefined && typeof shape[axis] === 'number',
  );
  if (constant) {
    const pads = Array.from({ length: 2 * shape.length }, () => 0);
    for (const { axis, start, end } of cut) {
      const size = shape[axis] as number;
      pads[axis] = clamped(start!, size);
      pads[axis + shape.length] = size - Math.max(pads[axis], clamped(end!, size));
    }
    return padded(b, g.integers(pads));
  }
  const front = before(b, cut);
  const left = g.op('Sub', [g.op('Shape', [x]), g.op('Shape', [upstream(b)])]);
  const pads = g.op('Concat', [front, g.op('Sub', [left, front])], { axis: 0 });
  return g.annotate(padded(b, pads), type, shape);
}

export const slicing = {
  Slice: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const out: (Dim | undefined)[] = [...shape];
      const cut = ranges(node, g);
      if (cut === undefined) return undefined;
      for (const { axis, start, end, step } of cut)
        out[axis] = start === undefined || end === undefined ? undefined : slicedDim(shape[axis]!, start, end, step);
      return out.every((dim) => dim !== undefined) ? [{ type, shape: out }] : undefined;
    },
    /** With steps the elements go back to places that lie apart, which is the derivative of picking them by their indices. */
    vjp: (b) => {
      const { g, node } = b;
      const cut = ranges(node, g) ?? unsupported(g, node, 'its axes or steps are not constant');
      if (cut.every(({ step }) => step === 1)) return [framed(b, cut), ...node.input.slice(1).map(() => undefined)];
      if (cut.length > 1) unsupported(g, node, 'steps other than 1 have a rule along one axis only');
      const [{ axis }] = cut as [Range];
      const [starts, ends, steps] = [1, 2, 4].map((i) => node.input[i]!);
      const picked = g.op('Slice', [positions(g, node.input[0]!, axis), starts!, ends!, g.integers([0]), steps!]);
      return [selected(b, picked, axis), ...node.input.slice(1).map(() => undefined)];
    },
  },
  Pad: {
    infer: (node, g) => {
      const { type, shape } = g.known(node.input[0]!);
      const pads = constantPads(node, g);
      if (pads === undefined) return undefined;
      const grown = shape.map((dim, i) => {
        const by = pads[i]! + pads[i + shape.length]!;
        return by === 0 ? dim : typeof dim === 'number' ? dim + by : undefined;
      });
      return grown.every((dim) => dim !== undefined) ? [{ type, shape: grown }] : undefined;
    },
    /** Negative pads crop: the cotangent is padded by the opposite. */
    vjp: (b) => {
      const pads = constantPads(b.node, b.g);
      if (pads === undefined || stringAttribute(b.node, 'mode', 'constant') !== 'constant' || b.needs(2))
        unsupported(b.g, b.node, 'only constant padding by constant amounts on all axes has a rule');
      return [padded(b, b.g.integers(pads.map((pad) => -pad))), undefined, undefined];
    },
  },
} satisfies Record<string, Rule>;

/** All starts, then all ends; undefined where they are not constant, or given for some axes only (operator set 18). */
const constantPads = (node: NodeProto, g: Emitter): number[] | undefined =>
  given(node, 3) ? undefined : constantIntegers(g, node, 1);

/** The cotangent with zeros around it. */
const padded = (b: Backward, pads: string): string =>
  b.g.op('Pad', [upstream(b), pads, like(b.g, b.node.input[0]!, 0)]);
