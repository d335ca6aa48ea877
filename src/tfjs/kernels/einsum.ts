/** Einsum as transpositions, sums and matrix products: TensorFlow.js' own has no derivative. */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';
import { matMul } from './products.js';

/** A tensor whose axes have names, each once. */
interface Named {
  readonly tensor: TfTensor;
  readonly axes: readonly string[];
}

/** "ij,...k->ik" as names of each operand's axes and of the result's; `...` becomes as many names as there are axes under it. */
function parse(c: NodeCall): { operands: string[][]; result: string[] } {
  const [left = '', right] = c.string('equation', '').replaceAll(' ', '').split('->');
  const terms = left.split(',');
  if (terms.length !== c.inputs.length) c.unsupported(`equation "${left}" for ${c.inputs.length} operands`);
  const operands = terms.map((term, i) => letters(term, c.input(i).rank));
  const dots = operands
    .map((axes) => axes.filter((axis) => axis.startsWith('.')))
    .reduce((longest, axes) => (axes.length > longest.length ? axes : longest), []);
  if (right !== undefined) return { operands, result: letters(right, right.replace('...', '').length + dots.length) };
  // Without a right side: what occurs once, in alphabetical order.
  const all = operands.flat().filter((axis) => !axis.startsWith('.'));
  return { operands, result: [...dots, ...all.filter((axis) => all.indexOf(axis) === all.lastIndexOf(axis)).sort()] };
}

/** Axes under `...` are counted from the right, since that is how they broadcast. */
function letters(term: string, rank: number): string[] {
  const [before = '', after] = term.split('...');
  if (after === undefined) return Array.from(before);
  const hidden = rank - before.length - after.length;
  return [...Array.from(before), ...Array.from({ length: hidden }, (_, i) => `.${hidden - i}`), ...Array.from(after)];
}

/** Sums the axes that are not in `kept`. */
function sumOut({ tf }: NodeCall, { tensor, axes }: Named, kept: ReadonlySet<string>): Named {
  const gone = axes.flatMap((axis, i) => (kept.has(axis) ? [] : [i]));
  return gone.length === 0 ? { tensor, axes } : { tensor: tf.sum(tensor, gone), axes: axes.filter((a) => kept.has(a)) };
}

/** The tensor with its axes in this order; ones it lacks have size 1. */
function arranged({ tf }: NodeCall, { tensor, axes }: Named, order: readonly string[]): TfTensor {
  const perm = order.map((axis) => axes.indexOf(axis)).filter((i) => i !== -1);
  const moved = perm.length > 1 ? tf.transpose(tensor, perm) : tensor;
  return tf.reshape(moved, order.map((axis) => tensor.shape[axes.indexOf(axis)] ?? 1)); // prettier-ignore
}

/** Without the axes of size 1 that the other operand has longer: a product repeats along them. */
function unstretched({ tf }: NodeCall, { tensor, axes }: Named, other: Named): Named {
  const isStretched = (axis: string, i: number): boolean =>
    tensor.shape[i] === 1 && (other.tensor.shape[other.axes.indexOf(axis)] ?? 1) > 1;
  const kept = axes.filter((axis, i) => !isStretched(axis, i));
  return { tensor: tf.reshape(tensor, kept.map((axis) => tensor.shape[axes.indexOf(axis)]!)), axes: kept }; // prettier-ignore
}

/** The product of two operands, summed over what neither the result nor a later operand names. */
function contract(c: NodeCall, a: Named, b: Named, later: ReadonlySet<string>): Named {
  const left = unstretched(c, sumOut(c, a, new Set([...later, ...b.axes])), b);
  const right = unstretched(c, sumOut(c, b, new Set([...later, ...a.axes])), left);
  const shared = left.axes.filter((axis) => right.axes.includes(axis));
  const batch = shared.filter((axis) => later.has(axis));
  const summed = shared.filter((axis) => !later.has(axis));
  const rows = left.axes.filter((axis) => !shared.includes(axis));
  const columns = right.axes.filter((axis) => !shared.includes(axis));
  const sizes = (of: Named, axes: readonly string[]): number[] => axes.map((axis) => of.tensor.shape[of.axes.indexOf(axis)]!); // prettier-ignore
  const product = (dims: readonly number[]): number => dims.reduce((size, dim) => size * dim, 1);
  const inner = product(sizes(left, summed));
  const m = matMul(
    c.tf,
    c.tf.reshape(arranged(c, left, [...batch, ...rows, ...summed]), [...sizes(left, batch), product(sizes(left, rows)), inner]), // prettier-ignore
    c.tf.reshape(arranged(c, right, [...batch, ...summed, ...columns]), [...sizes(right, batch), inner, product(sizes(right, columns))]), // prettier-ignore
  );
  const outer = m.shape.slice(0, -2);
  return {
    tensor: c.tf.reshape(m, [...outer, ...sizes(left, rows), ...sizes(right, columns)]),
    axes: [...batch, ...rows, ...columns],
  };
}

function einsum(c: NodeCall): TfTensor {
  const { operands, result } = parse(c);
  if (operands.some((axes) => new Set(axes).size < axes.length)) c.unsupported('an operand names an axis twice');
  const named = operands.map((axes, i): Named => ({ tensor: c.input(i), axes }));
  const product = named.reduce((left, right, i) =>
    contract(c, left, right, new Set([...result, ...operands.slice(i + 1).flat()])),
  );
  return arranged(c, sumOut(c, product, new Set(result)), result);
}

export const einsums = { Einsum: einsum } satisfies Record<string, Kernel>;
