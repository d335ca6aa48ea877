/** Numbers of a row-quantised product: how much of a channel's size moves into the weights, and the weights as integers. */

/** How much of it, 0 to 1: measured best on BERT-base between 0.3 and 0.85 (docs/adr/0013). */
const ALPHA = 0.7;

/** What a calibration saw of a tensor. */
export interface Range {
  /** Largest |x| of each channel [K]. */
  readonly channels: Float32Array;
  readonly least: number;
  readonly largest: number;
}

/** @param runs rows of `width` channels */
export function rangeOf(runs: readonly Float32Array[], width: number): Range {
  const channels = new Float32Array(width);
  let [least, largest] = [Infinity, -Infinity];
  for (const values of runs) {
    values.forEach((value, at) => {
      channels[at % width] = Math.max(channels[at % width]!, Math.abs(value));
      least = Math.min(least, value);
      largest = Math.max(largest, value);
    });
  }
  return { channels, least, largest };
}

/**
 * s [K] by which channels are divided and rows of the weights multiplied, of geometric mean 1 (SmoothQuant, equation 4).
 *
 * @param weights W of each product [K,N]
 */
export function smoothingOf(channels: Float32Array, weights: readonly Matrix[]): Float32Array {
  const factors = channels.map((channel, k) => {
    const weight = weights.reduce((max, { values, columns }) => {
      for (let n = 0; n < columns; n++) max = Math.max(max, Math.abs(values[k * columns + n]!));
      return max;
    }, 0);
    return Math.max(channel, 1e-3) ** ALPHA / Math.max(weight, 1e-4) ** (1 - ALPHA);
  });
  const mean = Math.exp(factors.reduce((sum, factor) => sum + Math.log(factor), 0) / factors.length);
  return factors.map((factor) => factor / mean);
}

/** [K,N], row-major. */
export interface Matrix {
  readonly values: Float32Array;
  readonly columns: number;
}

/** diag(s)·W as integers within ±127 [K,N], and the scale of each column [N]. */
export function quantisedColumns(
  { values, columns }: Matrix,
  smoothing: Float32Array | undefined,
): { readonly integers: Int8Array; readonly scales: Float32Array } {
  const rows = values.length / columns;
  const scales = new Float32Array(columns);
  for (let k = 0; k < rows; k++) {
    const s = smoothing?.[k] ?? 1;
    for (let n = 0; n < columns; n++) scales[n] = Math.max(scales[n]!, Math.abs(s * values[k * columns + n]!));
  }
  for (let n = 0; n < columns; n++) scales[n] = (scales[n]! || 1) / 127;
  const integers = new Int8Array(values.length);
  for (let k = 0; k < rows; k++) {
    const s = smoothing?.[k] ?? 1;
    for (let n = 0; n < columns; n++) {
      const at = k * columns + n;
      integers[at] = Math.max(-127, Math.min(127, Math.round((s * values[at]!) / scales[n]!)));
    }
  }
  return { integers, scales };
}

/** [N,K] → [K,N]. */
export function turned(values: Float32Array, n: number): Float32Array {
  const k = values.length / n;
  const out = new Float32Array(values.length);
  for (let row = 0; row < n; row++)
    for (let column = 0; column < k; column++) out[column * n + row] = values[row * k + column]!;
  return out;
}
