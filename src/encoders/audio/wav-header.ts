/** What a WAV file states of itself: http://soundfile.sapp.org/doc/WaveFormat, WAVE_FORMAT_EXTENSIBLE included. */
import { begins } from './format.js';

export interface WavHeader {
  /** Format tag: 1 whole numbers, 3 floating point, 6 A-law, 7 µ-law. */
  readonly codec: number;
  readonly channels: number;
  readonly sampleRate: number;
  /** Bytes of one sample of all channels. */
  readonly blockAlign: number;
  readonly bits: number;
  /** Where samples begin. */
  readonly dataStart: number;
  /** Bytes of them as stated; undefined where the writer did not know, having written to a pipe. */
  readonly dataBytes: number | undefined;
}

const EXTENSIBLE = 0xfffe;

/** @returns undefined where the file ends before its samples begin */
export function wavHeader(bytes: Uint8Array): WavHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let format: Omit<WavHeader, 'dataStart' | 'dataBytes'> | undefined;
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true);
    const body = at + 8;
    if (begins(bytes, 'fmt ', at) && body + 16 <= bytes.length) {
      const tag = view.getUint16(body, true);
      const extended = tag === EXTENSIBLE && size >= 26 && body + 26 <= bytes.length;
      format = {
        codec: extended ? view.getUint16(body + 24, true) : tag,
        channels: view.getUint16(body + 2, true),
        sampleRate: view.getUint32(body + 4, true),
        blockAlign: view.getUint16(body + 12, true),
        bits: view.getUint16(body + 14, true),
      };
    }
    if (begins(bytes, 'data', at)) {
      const unknown = size === 0xffffffff || (size === 0 && body < bytes.length);
      return format && { ...format, dataStart: body, dataBytes: unknown ? undefined : size };
    }
    at = body + size + (size % 2);
  }
  return undefined;
}

/** Widths of a sample that exist, by format tag. */
const BITS: Readonly<Record<number, readonly number[]>> = { 1: [8, 16, 24, 32], 3: [32, 64], 6: [8], 7: [8] };

/** Why samples of this kind are not decoded; undefined where they are. */
export function unreadable({ codec, channels, blockAlign, bits }: WavHeader): string | undefined {
  const widths = BITS[codec];
  if (widths === undefined)
    return `its samples are of kind 0x${codec.toString(16)}; read are PCM, floating point, A-law and µ-law`;
  if (!widths.includes(bits)) return `its samples are of ${bits} bits; read are ${widths.join(', ')}`;
  if (channels < 1 || channels > MAX_CHANNELS)
    return `its header states ${channels} channels; read are 1 to ${MAX_CHANNELS}`;
  if (blockAlign !== (channels * bits) / 8)
    return `its header states ${blockAlign} bytes for ${channels} × ${bits} bits: it does not fit together`;
  return undefined;
}

const MAX_CHANNELS = 32;
