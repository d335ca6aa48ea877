/**
 * From one sampling rate to another by band-limited interpolation: a windowed sinc for each of the phases that output samples have
 * between input samples. Formula and settings are those of torchaudio.functional.resample (`sinc_interp_hann`, filter width 6, roll-off
 * 0.99), by which the encoders' own pipelines resample. Of our own, as libsamplerate in WebAssembly takes 37 ms for a second of sound.
 */

const FILTER_WIDTH = 6;
const ROLL_OFF = 0.99;

interface Kernel {
  /** Input samples that one period of phases spans, and output samples of it. */
  readonly from: number;
  readonly to: number;
  /** Taps of a phase. */
  readonly width: number;
  /** [to, width] */
  readonly taps: Float32Array;
  /** Of each phase: the input sample that its first tap falls on, counted from the period's first. */
  readonly first: Int32Array;
}

/** Tables of the rates seen last: files of one data set mostly have one. */
const kernels = new Map<string, Kernel>();
const KEPT = 4;

/**
 * @param from sampling rate of `samples`, Hz, a whole number
 * @param to sampling rate wanted
 * @returns ⌈n·to/from⌉ samples; the input itself when the rates are equal
 */
export function resample(samples: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return samples;
  const kernel = kernelOf(from, to);
  const { width, taps, first } = kernel;
  const out = new Float32Array(resampledLength(samples.length, from, to));
  for (let i = 0; i < out.length; i++) {
    const phase = i % kernel.to;
    const start = Math.floor(i / kernel.to) * kernel.from + first[phase]!;
    const [low, high] = [Math.max(0, -start), Math.min(width, samples.length - start)];
    let sum = 0;
    for (let tap = low; tap < high; tap++) sum += taps[phase * width + tap]! * samples[start + tap]!;
    out[i] = sum;
  }
  return out;
}

export const resampledLength = (samples: number, from: number, to: number): number => Math.ceil((samples * to) / from);

function kernelOf(from: number, to: number): Kernel {
  const key = `${from}/${to}`;
  const known = kernels.get(key);
  if (known !== undefined) return known;
  const divisor = greatestCommonDivisor(from, to);
  const made = makeKernel(from / divisor, to / divisor);
  if (kernels.size >= KEPT) kernels.delete(kernels.keys().next().value!);
  kernels.set(key, made);
  return made;
}

function makeKernel(from: number, to: number): Kernel {
  const base = Math.min(from, to) * ROLL_OFF;
  const reach = (FILTER_WIDTH * from) / base; // input samples to either side that a tap is not zero for
  const width = Math.floor(2 * reach) + 1;
  const taps = new Float32Array(to * width);
  const first = new Int32Array(to);
  for (let phase = 0; phase < to; phase++) {
    const centre = (phase * from) / to;
    first[phase] = Math.ceil(centre - reach);
    for (let tap = 0; tap < width; tap++) {
      const t = ((first[phase]! + tap - centre) / from) * base;
      if (Math.abs(t) >= FILTER_WIDTH) continue;
      const window = Math.cos((t * Math.PI) / FILTER_WIDTH / 2) ** 2;
      const sinc = t === 0 ? 1 : Math.sin(t * Math.PI) / (t * Math.PI);
      taps[phase * width + tap] = (sinc * window * base) / from;
    }
  }
  return { from, to, width, taps, first };
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b];
  return a;
}
