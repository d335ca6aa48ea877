/** Parts of axes, and more than their parts: Slice and Pad. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';

/** Elements at these positions of an axis. */
export function take({ tf }: NodeCall, x: TfTensor, positions: readonly number[], axis: number): TfTensor {
  const [start = 0] = positions;
  // A run of neighbours is a slice: the derivative of a gather goes through the whole axis once an element.
  if (positions.every((position, i) => position === start + i)) {
    return tf.slice(
      x,
      x.shape.map((_, i) => (i === axis ? start : 0)),
      x.shape.map((dim, i) => (i === axis ? positions.length : dim)),
    );
  }
  return tf.gather(x, tf.tensor1d([...positions], 'int32'), axis);
}

/** The positions that start, end and step name on an axis of this size, as the operator reference clamps them. */
function positions(start: number, end: number, step: number, size: number): number[] {
  const from = Math.min(Math.max(start < 0 ? start + size : start, 0), step > 0 ? size : size - 1);
  const to = Math.min(Math.max(end < 0 ? end + size : end, step > 0 ? 0 : -1), size);
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
}

function slice(c: NodeCall): TfTensor {
  const x = c.input(0);
  const starts = c.ints('starts') ?? c.integers(1) ?? [];
  const ends = c.ints('ends') ?? c.integers(2) ?? [];
  const axes = c.ints('axes') ?? c.integers(3) ?? starts.map((_, i) => i);
  const steps = c.integers(4) ?? starts.map(() => 1);
  return axes.reduce((rest, named, i) => {
    const axis = c.axis(named, x.rank);
    const size = x.shape[axis]!;
    const chosen = positions(starts[i]!, ends[i]!, steps[i]!, size);
    return chosen.length === size && chosen[0] === 0 ? rest : take(c, rest, chosen, axis);
  }, x);
}

/** Where position i of a padded axis comes from; undefined: it is padding. */
type Source = (i: number, size: number) => number | undefined;

const SOURCES: Readonly<Record<string, Source>> = {
  constant: () => undefined,
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  reflect: (i, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const folded = ((i % period) + period) % period;
    return folded < size ? folded : period - folded;
  },
  wrap: (i, size) => ((i % size) + size) % size,
};

/** All starts, then all ends; negative ones crop. */
function pad(c: NodeCall): TfTensor {
  const { tf } = c;
  const x = c.input(0);
  const mode = c.string('mode', 'constant');
  const source = SOURCES[mode] ?? c.unsupported(`mode "${mode}"`);
  const pads = c.ints('pads') ?? c.integers(1) ?? [];
  const axes = c.integers(3)?.map((axis) => c.axis(axis, x.rank)) ?? x.shape.map((_, i) => i);
  const value = c.inputs[2]?.dataSync()[0] ?? c.float('value', 0);
  return axes.reduce((rest, axis, i) => {
    const [before, after] = [pads[i]!, pads[i + axes.length]!];
    const size = rest.shape[axis]!;
    if (mode !== 'constant') {
      const all = Array.from({ length: size + before + after }, (_, at) => source(at - before, size)!);
      return take(c, rest, all, axis);
    }
    const kept = Array.from({ length: size + Math.min(before, 0) + Math.min(after, 0) }, (_, at) => at - Math.min(before, 0)); // prettier-ignore
    const cropped = kept.length === size ? rest : take(c, rest, kept, axis);
    if (before <= 0 && after <= 0) return cropped;
    const around = cropped.shape.map((_, at): [number, number] => at === axis ? [Math.max(before, 0), Math.max(after, 0)] : [0, 0]); // prettier-ignore
    return tf.pad(cropped, around, value);
  }, x);
}

export const ranges = { Slice: slice, Pad: pad } satisfies Record<string, Kernel>;
