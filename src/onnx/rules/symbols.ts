/**
 * Sizes computed from symbolic ones, as symbols that say how: "(T+1)", "T[1:]", "B*2". Equal computations give equal symbols, which is
 * all that inference needs. A symbol of an input stands for 1 at least: no axis of a model's input is empty.
 */
import type { Dim } from '../shape.js';

/** Exporters write "to the end" as the greatest int32 or int64. */
const END = 2 ** 31 - 1;

export function productDim(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  if (a === 1) return b;
  if (b === 1) return a;
  return a === 0 || b === 0 ? 0 : typeof a === 'number' ? `${b}*${a}` : `${a}*${b}`;
}

/** Whatever the order, and sums of sums as one. */
export function sumDim(dims: readonly Dim[]): Dim {
  const terms = dims.flatMap((dim) => (typeof dim === 'number' ? [dim] : termsOf(dim)));
  const symbols = terms.filter((term) => typeof term === 'string').sort();
  const rest = terms.reduce<number>((sum, term) => (typeof term === 'number' ? sum + term : sum), 0);
  if (symbols.length === 0) return rest;
  if (symbols.length === 1 && rest === 0) return symbols[0]!;
  return `(${[...symbols, ...(rest === 0 ? [] : [rest])].join('+')})`;
}

const termsOf = (symbol: string): Dim[] =>
  /^\(([^()]*)\)$/
    .exec(symbol)?.[1]!
    .split('+')
    .map((term) => (/^\d+$/.test(term) ? Number(term) : term)) ?? [symbol];

/** The size of [start:end:step] of an axis, clamped as ONNX does; undefined where steps run over a symbol. */
export function slicedDim(size: Dim, start: number, end: number, step: number): Dim | undefined {
  if (typeof size === 'number') return slicedSize(size, start, end, step);
  if (step === -1 && start === -1 && end <= -END) return size;
  if (step !== 1) return undefined;
  const [fromStart, toEnd] = [start === 0 || start <= -END, end >= END];
  if (fromStart && toEnd) return size;
  // At least one element is there, so that the first and the last are; a slice may have left none.
  if (!size.includes('[') && ((fromStart && end === 1) || (toEnd && start === -1))) return 1;
  return `${size}[${fromStart ? '' : start}:${toEnd ? '' : end}]`;
}

/** Against the order only an end may lie before the first element: ONNX clamps a start to it, where NumPy finds nothing. */
function slicedSize(size: number, start: number, end: number, step: number): number {
  const [low, high] = step > 0 ? [0, size] : [-1, size - 1];
  const place = (position: number, least: number): number =>
    Math.min(Math.max(position < 0 ? position + size : position, least), high);
  return Math.max(0, Math.ceil((place(end, low) - place(start, 0)) / step));
}
