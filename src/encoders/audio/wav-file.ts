/** WAV files of one channel: in 16 bits, as every program reads them, and in float32, which loses nothing. */

const HEADER = 44;
const FULL_SCALE = 32_767;
/** What a sample is, by the number that the format has for it. */
const [WHOLE_NUMBERS, FLOATS] = [1, 3];

/** @param samples within −1 … 1; louder ones are clipped. @param sampleRate Hz */
export function wavFile(samples: Float32Array, sampleRate: number): Uint8Array {
  const file = emptyFile(samples.length, sampleRate, WHOLE_NUMBERS, 2);
  samples.forEach((sample, i) => {
    file.writeInt16LE(Math.round(Math.max(-1, Math.min(1, sample)) * FULL_SCALE), HEADER + 2 * i);
  });
  return file;
}

/** @param sampleRate Hz */
export function floatWavFile(samples: Float32Array, sampleRate: number): Uint8Array {
  const file = emptyFile(samples.length, sampleRate, FLOATS, 4);
  samples.forEach((sample, i) => file.writeFloatLE(sample, HEADER + 4 * i));
  return file;
}

/** A header, and room for the samples. @param bytes of a sample */
function emptyFile(samples: number, sampleRate: number, format: number, bytes: number): Buffer {
  const file = Buffer.alloc(HEADER + bytes * samples);
  file.write('RIFF', 0, 'latin1');
  file.writeUInt32LE(file.length - 8, 4);
  file.write('WAVEfmt ', 8, 'latin1');
  file.writeUInt32LE(16, 16); // length of the format that follows
  file.writeUInt16LE(format, 20);
  file.writeUInt16LE(1, 22); // channels
  file.writeUInt32LE(sampleRate, 24);
  file.writeUInt32LE(bytes * sampleRate, 28);
  file.writeUInt16LE(bytes, 32);
  file.writeUInt16LE(8 * bytes, 34);
  file.write('data', 36, 'latin1');
  file.writeUInt32LE(bytes * samples, 40);
  return file;
}
