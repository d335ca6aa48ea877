/** Pillow's Gaussian blur: three box blurs, whose boxes end in a fraction of a pixel (Gwosdek et al. 2011), in whole numbers. */
import type { Pixels } from './pixels.js';

const PASSES = 3;
/** One, in 24 bits behind the point. */
const ONE = 2 ** 24;
const { fround } = Math;

/** @param sigma standard deviation in pixels */
export function blurred({ data, width, height }: Pixels, sigma: number): Pixels {
  const radius = boxRadius(sigma);
  if (radius === 0) return { data, width, height };
  const box = boxOf(radius);
  let rows = data;
  for (let pass = 0; pass < PASSES; pass++) rows = boxBlurred(rows, { lines: height, length: width, line: width, step: 1 }, box); // prettier-ignore
  for (let pass = 0; pass < PASSES; pass++) rows = boxBlurred(rows, { lines: width, length: height, line: 1, step: width }, box); // prettier-ignore
  return { data: rows, width, height };
}

/** Half a box's width without its middle pixel, of the boxes that together deviate by sigma. */
function boxRadius(sigma: number): number {
  const square = fround((fround(sigma) * fround(sigma)) / PASSES);
  const length = fround(Math.sqrt(12 * square + 1));
  const whole = fround(Math.floor((length - 1) / 2));
  const above = fround((2 * whole + 1) * (whole * (whole + 1) - 3 * square));
  return fround(whole + fround(above / fround(6 * (square - (whole + 1) * (whole + 1)))));
}

interface BoxWeights {
  /** Pixels to either side that count whole. */
  readonly reach: number;
  /** Of those, and of the next one on either side. */
  readonly inner: number;
  readonly outer: number;
}

function boxOf(radius: number): BoxWeights {
  const reach = Math.trunc(radius);
  const inner = Math.trunc(fround(ONE / fround(fround(radius * 2) + 1)));
  return { reach, inner, outer: Math.trunc((ONE - (reach * 2 + 1) * inner) / 2) };
}

/** How pixels lie: of a line every `step`-th, of lines the first at every `line`-th. */
interface Lines {
  readonly lines: number;
  readonly length: number;
  readonly line: number;
  readonly step: number;
}

/** Beyond the ends of a line its end pixels go on. */
function boxBlurred(data: Uint8Array, lines: Lines, { reach, inner, outer }: BoxWeights): Uint8Array {
  const out = new Uint8Array(data.length);
  const last = lines.length - 1;
  for (let line = 0; line < lines.lines; line++) {
    for (let channel = 0; channel < 3; channel++) {
      const start = 3 * line * lines.line + channel;
      const at = (x: number): number => data[start + 3 * lines.step * Math.min(Math.max(x, 0), last)]!;
      let sum = 0;
      for (let x = -reach; x <= reach; x++) sum += at(x);
      for (let x = 0; x <= last; x++) {
        const level = sum * inner + (at(x - reach - 1) + at(x + reach + 1)) * outer;
        out[start + 3 * lines.step * x] = Math.floor((level + ONE / 2) / ONE);
        sum += at(x + reach + 1) - at(x - reach);
      }
    }
  }
  return out;
}
