/** Sounds made for tests: WAV files of any header, and tones. */

export interface WavParts {
  readonly codec?: number;
  readonly channels?: number;
  readonly sampleRate?: number;
  readonly bits?: number;
  readonly blockAlign?: number;
  /** Stated, whatever there is. */
  readonly dataBytes?: number;
  readonly data?: Uint8Array;
  /** Chunks before the samples. */
  readonly extra?: Uint8Array;
}

export function wav(parts: WavParts = {}): Uint8Array {
  const {
    codec = 1,
    channels = 1,
    sampleRate = 16_000,
    bits = 16,
    data = int16(tone(1600)),
    extra = new Uint8Array(),
  } = parts;
  const { blockAlign = (channels * bits) / 8, dataBytes = data.length } = parts;
  const header = Buffer.alloc(36);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(36 + extra.length + data.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(codec, 20);
  header.writeUInt16LE(channels, 22);
  header.writeUInt32LE(sampleRate, 24);
  header.writeUInt32LE((sampleRate * blockAlign) % 2 ** 32, 28);
  header.writeUInt16LE(blockAlign, 32);
  header.writeUInt16LE(bits, 34);
  const name = Buffer.alloc(8);
  name.write('data', 0, 'latin1');
  name.writeUInt32LE(dataBytes, 4);
  return new Uint8Array(Buffer.concat([header, extra, name, data]));
}

export function tone(samples: number, hertz = 440, sampleRate = 16_000): Float32Array {
  return Float32Array.from({ length: samples }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hertz * i) / sampleRate));
}

export function int16(samples: Float32Array): Uint8Array {
  return new Uint8Array(Int16Array.from(samples, (value) => Math.round(value * 32_767)).buffer);
}

export const floatWav = (samples: readonly number[] | Float32Array, sampleRate = 16_000): Uint8Array =>
  wav({ codec: 3, bits: 32, sampleRate, data: new Uint8Array(Float32Array.from(samples).buffer) });

export const dataUrl = (bytes: Uint8Array): string => `data:audio/wav;base64,${Buffer.from(bytes).toString('base64')}`;
