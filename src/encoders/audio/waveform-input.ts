/** Encoders of the samples themselves (wav2vec2, HuBERT): convolutions make frames of them. */
import type { Wav2Vec2FeatureExtractor } from '@huggingface/transformers';
import type { NoisyClip } from '../../core/content.js';
import { float32, int64, type Feeds } from '../../runtime/session.js';
import { atLeast } from './ast-input.js';
import type { AudioInput, ClipSize } from './input.js';
import { roll, withNoise } from './noise.js';
import { assertInputs } from './unknown-input.js';
import type { ModelSettings, WaveformSettings } from './settings.js';

const INPUT = 'input_values';
const MASK = 'attention_mask';
/** Of a frame of the released code's spectrograms, which views roll by: 10 ms. */
const FRAMES_A_SECOND = 100;

export class WaveformInput implements AudioInput {
  readonly sampleRate: number;
  readonly maxTokens: number;
  readonly pooling = 'mean';
  /** Samples that one frame is made of. */
  private readonly least: number;

  private constructor(
    private readonly extractor: Wav2Vec2FeatureExtractor,
    settings: WaveformSettings,
    private readonly model: ModelSettings,
    readonly maxSamples: number,
  ) {
    this.sampleRate = settings.sampling_rate;
    this.maxTokens = this.frames(maxSamples);
    this.least = model.conv_kernel.reduceRight((length, kernel, i) => (length - 1) * model.conv_stride[i]! + kernel, 1);
  }

  static async load(settings: WaveformSettings, model: ModelSettings, maxSeconds: number): Promise<WaveformInput> {
    const { Wav2Vec2FeatureExtractor: Extractor } = await import('@huggingface/transformers');
    return new WaveformInput(new Extractor(settings), settings, model, Math.floor(maxSeconds * settings.sampling_rate));
  }

  private frames(samples: number): number {
    return this.model.conv_kernel.reduce(
      (length, kernel, i) => Math.floor((length - kernel) / this.model.conv_stride[i]!) + 1,
      samples,
    );
  }

  size(samples: number): ClipSize {
    return { tokens: Math.max(1, this.frames(samples)) };
  }

  /** [samples], normalised where the model wants it. A clip shorter than one frame is followed by silence. */
  async features(samples: Float32Array): Promise<Float32Array> {
    const { input_values } = await this.extractor._call(atLeast(samples, this.least));
    return input_values.data as Float32Array;
  }

  /** Noise and roll of the released code, which has spectrograms, on what this model reads: normalised samples, rolled by as long. */
  noisy(features: Float32Array, view: NoisyClip): Float32Array {
    const frame = Math.round(this.sampleRate / FRAMES_A_SECOND);
    return roll(withNoise(features, view), view.roll * frame, features.length);
  }

  feeds(batch: readonly Float32Array[], names: readonly string[]): Feeds {
    assertInputs(names, [INPUT, MASK]);
    const longest = Math.max(...batch.map(({ length }) => length));
    const shape = [batch.length, longest];
    const data = new Float32Array(batch.length * longest);
    const mask = new BigInt64Array(batch.length * longest);
    batch.forEach((samples, row) => {
      data.set(samples, row * longest);
      mask.fill(1n, row * longest, row * longest + samples.length);
    });
    return { [INPUT]: float32(data, shape), ...(names.includes(MASK) && { [MASK]: int64(mask, shape) }) };
  }
}
