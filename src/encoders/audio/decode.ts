/** From a file's bytes to samples of one channel, no further than an encoder hears. */
import type { Format } from './format.js';
import { wavHeader } from './wav-header.js';

export interface Decoded {
  /** Mean of the channels. */
  readonly samples: Float32Array;
  /** Hz. */
  readonly sampleRate: number;
  /** Whether decoding stopped since there was enough. */
  readonly stopped: boolean;
}

interface Audio {
  readonly channelData: readonly Float32Array[];
  readonly sampleRate: number;
  readonly errors?: readonly { readonly message: string }[];
}

interface Decoder {
  decode(chunk: Uint8Array): Audio;
  flush?(): Audio;
  free(): void;
}

/** A decoder of WebAssembly is compiled when it is needed. */
const DECODERS: Readonly<Record<Format, () => Promise<Decoder>>> = {
  wav: async () => (await import('@audio/decode-wav')).decoder(),
  flac: async () => (await import('@audio/decode-flac')).decoder(),
  mp3: async () => (await import('@audio/decode-mp3')).decoder(),
  vorbis: async () => (await import('@audio/decode-vorbis')).decoder(),
  opus: async () => (await import('@audio/decode-opus')).decoder(),
};

/** Bytes at a time: what a few of them unpack to fits the memory whatever they are. */
const CHUNK = 16_384;

/**
 * @param seconds after which it may stop
 * @throws {Error} of the decoder's own, for damaged bytes
 */
export async function decode(format: Format, bytes: Uint8Array, seconds: number): Promise<Decoded> {
  const decoder = await DECODERS[format]();
  const parts: Float32Array[] = [];
  let [length, sampleRate, stopped] = [0, 0, false];
  const take = (audio: Audio): void => {
    if (audio.errors !== undefined && audio.errors.length > 0) throw new Error(audio.errors[0]!.message);
    if (audio.channelData.length === 0 || audio.channelData[0]!.length === 0) return;
    if (sampleRate !== 0 && audio.sampleRate !== sampleRate)
      throw new Error(`the sampling rate changes from ${sampleRate} to ${audio.sampleRate} Hz`);
    sampleRate = audio.sampleRate;
    const mono = meanOf(audio.channelData);
    parts.push(mono);
    length += mono.length;
  };
  try {
    if (format === 'wav') {
      const { part, rest } = wavPart(bytes, seconds);
      take(decoder.decode(part));
      stopped = rest;
    } else {
      for (let at = 0; at < bytes.length && !stopped; at += CHUNK) {
        take(decoder.decode(bytes.subarray(at, at + CHUNK)));
        stopped = sampleRate > 0 && length > seconds * sampleRate;
      }
      if (!stopped && decoder.flush !== undefined) take(decoder.flush());
    }
  } finally {
    decoder.free();
  }
  const samples = new Float32Array(length);
  let at = 0;
  for (const part of parts) {
    samples.set(part, at);
    at += part.length;
  }
  return { samples, sampleRate, stopped };
}

/** The samples of the first seconds behind a header of nothing but format and data: decoders trip over what else there may be. */
function wavPart(bytes: Uint8Array, seconds: number): { readonly part: Uint8Array; readonly rest: boolean } {
  const { codec, channels, sampleRate, blockAlign, bits, dataStart, dataBytes = Infinity } = wavHeader(bytes)!;
  const there = Math.min(bytes.length - dataStart, dataBytes);
  const wanted = (Math.ceil(seconds * sampleRate) + 1) * blockAlign;
  const data = bytes.subarray(dataStart, dataStart + Math.min(there, wanted));
  const part = new Uint8Array(HEADER + data.length);
  const view = new DataView(part.buffer);
  const write = (at: number, name: string): void => {
    for (let i = 0; i < name.length; i++) part[at + i] = name.charCodeAt(i);
  };
  write(0, 'RIFF');
  view.setUint32(4, part.length - 8, true);
  write(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, codec, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * blockAlign, true);
  view.setUint16(32, blockAlign, true);
  view.setUint16(34, bits, true);
  write(36, 'data');
  view.setUint32(40, data.length, true);
  part.set(data, HEADER);
  return { part, rest: wanted < there };
}

const HEADER = 44;

/** [channels, n] → [n] */
function meanOf(channels: readonly Float32Array[]): Float32Array {
  if (channels.length === 1) return channels[0]!;
  const out = new Float32Array(channels[0]!.length);
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i]!;
    out[i] = sum / channels.length;
  }
  return out;
}
