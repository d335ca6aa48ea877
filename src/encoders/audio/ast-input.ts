/** Audio spectrogram transformers (AST, SSAST): Kaldi's filter bank, of a fixed number of frames, normalised by a data set's mean and spread. */
import type { ASTFeatureExtractor } from '@huggingface/transformers';
import type { NoisyClip } from '../../core/content.js';
import { float32, type Feeds } from '../../runtime/session.js';
import type { AudioInput, ClipSize } from './input.js';
import { roll, withNoise } from './noise.js';
import { assertInputs } from './unknown-input.js';
import type { AstSettings, ModelSettings } from './settings.js';

const INPUT = 'input_values';
/** Samples of a frame, and between frames, at 16 kHz: Kaldi's 25 and 10 ms, which the extractor has fixed. */
const WINDOW = 400;
const HOP = 160;
/** Class and distillation token. */
const SPECIAL_TOKENS = 2;

export class AstInput implements AudioInput {
  readonly sampleRate: number;
  readonly maxSamples: number;
  readonly maxTokens: number;
  readonly pooling = 'mean:0:2';
  private readonly frames: number;
  private readonly mels: number;
  /** What values were divided by, after noise in the released code. */
  private readonly scale: number;

  private constructor(
    private readonly extractor: ASTFeatureExtractor,
    settings: AstSettings,
    model: ModelSettings,
  ) {
    this.sampleRate = settings.sampling_rate;
    this.frames = settings.max_length;
    this.mels = settings.num_mel_bins;
    this.scale = settings.do_normalize ? 2 * settings.std : 1;
    this.maxSamples = WINDOW + HOP * this.frames - 1;
    const patches = (length: number, stride: number): number => Math.floor((length - model.patch_size) / stride) + 1;
    this.maxTokens =
      SPECIAL_TOKENS + patches(this.mels, model.frequency_stride) * patches(this.frames, model.time_stride);
  }

  static async load(settings: AstSettings, model: ModelSettings): Promise<AstInput> {
    const { ASTFeatureExtractor: Extractor } = await import('@huggingface/transformers');
    return new AstInput(new Extractor(settings), settings, model);
  }

  size(): ClipSize {
    return { tokens: this.maxTokens };
  }

  /** [frames, mels]. A clip shorter than one frame is followed by silence. */
  async features(samples: Float32Array): Promise<Float32Array> {
    const { input_values } = await this.extractor._call(atLeast(samples, WINDOW));
    return input_values.data as Float32Array;
  }

  /** The released code adds noise before it normalises, and rolls all frames, those behind a short clip too. */
  noisy(features: Float32Array, view: NoisyClip): Float32Array {
    return roll(withNoise(features, view, this.scale), view.roll, this.frames, this.mels);
  }

  feeds(batch: readonly Float32Array[], names: readonly string[]): Feeds {
    assertInputs(names, [INPUT]);
    const data = new Float32Array(batch.length * this.frames * this.mels);
    batch.forEach((features, row) => {
      data.set(features, row * this.frames * this.mels);
    });
    return { [INPUT]: float32(data, [batch.length, this.frames, this.mels]) };
  }
}

/** With zeros behind it where it is shorter. */
export function atLeast(samples: Float32Array, length: number): Float32Array {
  if (samples.length >= length) return samples;
  const out = new Float32Array(length);
  out.set(samples);
  return out;
}
