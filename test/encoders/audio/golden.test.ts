/** Audio input against Python's: libsndfile's samples, torchaudio's resampling, transformers' extractors. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { AstInput } from '../../../src/encoders/audio/ast-input.js';
import { openClip } from '../../../src/encoders/audio/clip.js';
import { decode } from '../../../src/encoders/audio/decode.js';
import { formatOf, type Format } from '../../../src/encoders/audio/format.js';
import type { AudioInput } from '../../../src/encoders/audio/input.js';
import { resample } from '../../../src/encoders/audio/resample.js';
import { audioSettings } from '../../../src/encoders/audio/settings.js';
import { WaveformInput } from '../../../src/encoders/audio/waveform-input.js';
import { WhisperInput } from '../../../src/encoders/audio/whisper-input.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../../support/golden.js';

interface Golden {
  readonly decoded: Readonly<Record<string, { rate: number; channels: number; samples: GoldenArray }>>;
  readonly clip: GoldenArray;
  readonly resampled: Readonly<Record<string, GoldenArray>>;
  readonly features: Readonly<
    Record<string, { config: Record<string, unknown>; whole: GoldenArray; short: GoldenArray }>
  >;
}
const golden = readGolden('audio/expected.json') as Golden;
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(fixture(`audio/${name}`)));

/** WAV's positive whole numbers are divided by one less here than there. */
const TOLERANCE: Readonly<Record<string, number>> = {
  'stereo.mp3': 1e-4,
  'mono.ogg': 1e-4,
  'mono.opus': 1e-2,
  'pcm8.wav': 1e-2,
};

describe('decoded', () => {
  it.each(Object.keys(golden.decoded))('%s', async (name) => {
    const { rate, samples } = golden.decoded[name]!;
    const bytes = bytesOf(name);
    const decoded = await decode(formatOf(bytes) as Format, bytes, 30);
    expect(decoded.sampleRate).toBe(rate);
    expect(decoded.stopped).toBe(false);
    expect(decoded.samples.length).toBe(samples.shape[0]);
    expect(relativeError(decoded.samples, values(samples))).toBeLessThan(TOLERANCE[name] ?? 5e-5);
  });

  it.each(['stereo.flac', 'mono.ogg', 'stereo.mp3', 'mono.opus', 'stereo16.wav'])(
    '%s opens as a clip',
    async (name) => {
      const clip = await openClip(bytesOf(name), name, { sampleRate: 16_000, maxSamples: 480_000 });
      expect(clip.samples.length).toBe(4000);
      expect(clip.truncated).toBe(false);
    },
  );
});

describe('resampled', () => {
  it.each(Object.keys(golden.resampled))('%s Hz', (rates) => {
    const [from, to] = rates.split('/').map(Number) as [number, number];
    const out = resample(Float32Array.from(values(golden.clip)), from, to);
    expect(relativeError(out, values(golden.resampled[rates]!))).toBeLessThan(1e-6);
  });
});

async function inputOf(config: Record<string, unknown>): Promise<AudioInput> {
  const { extractor, model } = audioSettings(config, {});
  if (extractor.feature_extractor_type === 'WhisperFeatureExtractor') return WhisperInput.load(extractor, model);
  if (extractor.feature_extractor_type === 'ASTFeatureExtractor') return AstInput.load(extractor, model);
  return WaveformInput.load(extractor, model, 30);
}

describe('features', () => {
  const waveform = Float32Array.from(values(golden.decoded['pcm16.wav']!.samples));
  const cases = Object.keys(golden.features).flatMap((name) => [[name, 'whole'] as const, [name, 'short'] as const]);

  it.each(cases)('%s, %s clip', async (name, length) => {
    const { config, [length]: expected } = golden.features[name]!;
    const input = await inputOf(config);
    const features = await input.features(length === 'whole' ? waveform : waveform.slice(0, 2000));
    expect(features.length).toBe(expected.shape.reduce((a, b) => a * b, 1));
    const wanted = values(expected);
    expect(features.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i]!)), 0)).toBeLessThan(1e-5);
  });
});
