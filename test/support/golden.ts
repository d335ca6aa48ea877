/** Reads the golden fixtures; their format is described in test/golden/README.md. */
import { readFileSync } from 'node:fs';

export interface GoldenArray {
  readonly shape: readonly number[];
  readonly f64?: string;
  readonly f32?: string;
  readonly i8?: string;
}

export const fixture = (path: string): string => new URL(`../golden/fixtures/${path}`, import.meta.url).pathname;

export const readGolden = (path: string): unknown => JSON.parse(readFileSync(fixture(path), 'utf8'));

/** The values of a golden array, row-major. */
export function values(array: GoldenArray): Float64Array {
  const bytes = Buffer.from(array.f64 ?? array.f32 ?? array.i8 ?? '', 'base64');
  const aligned = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  if (array.f64 !== undefined) return new Float64Array(aligned);
  return Float64Array.from(array.f32 === undefined ? new Int8Array(aligned) : new Float32Array(aligned));
}

/** ‖a − b‖/‖b‖. */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(difference / norm);
}
