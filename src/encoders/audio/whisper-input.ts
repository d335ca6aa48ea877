/** Whisper: the log-mel spectrogram of 30 seconds, whatever the clip's length; what is behind the clip is silence that the model sees too. */
import type { WhisperFeatureExtractor } from '@huggingface/transformers';
import { float32, type Feeds } from '../../runtime/session.js';
import type { NoisyClip } from '../../core/content.js';
import type { AudioInput, ClipSize } from './input.js';
import { roll, withNoise } from './noise.js';
import { assertInputs } from './unknown-input.js';
import type { ModelSettings, WhisperSettings } from './settings.js';

const INPUT = 'input_features';
/** Of the second convolution: a token is two frames. */
const STRIDE = 2;

export class WhisperInput implements AudioInput {
  readonly sampleRate: number;
  readonly maxSamples: number;
  readonly maxTokens: number;
  readonly pooling = 'mean';
  private readonly mels: number;
  private readonly hop: number;
  private readonly window: number;
  /** Of the whole input. */
  private readonly frames: number;

  private constructor(
    private readonly extractor: WhisperFeatureExtractor,
    settings: WhisperSettings,
    model: ModelSettings,
  ) {
    this.sampleRate = settings.sampling_rate;
    this.mels = settings.feature_size;
    this.hop = settings.hop_length;
    this.window = settings.n_fft;
    this.frames = Math.floor((settings.chunk_length * settings.sampling_rate) / this.hop);
    this.maxSamples = this.frames * this.hop;
    this.maxTokens = model.max_source_positions ?? Math.floor(this.frames / STRIDE);
  }

  static async load(settings: WhisperSettings, model: ModelSettings): Promise<WhisperInput> {
    const { WhisperFeatureExtractor: Extractor } = await import('@huggingface/transformers');
    const n_samples = settings.chunk_length * settings.sampling_rate;
    const nb_max_frames = Math.floor(n_samples / settings.hop_length);
    return new WhisperInput(new Extractor({ ...settings, n_samples, nb_max_frames }), settings, model);
  }

  /** Pooling is over the clip; all 1,500 tokens are computed. */
  size(samples: number): ClipSize {
    return {
      tokens: Math.min(this.maxTokens, Math.max(1, Math.ceil(samples / (STRIDE * this.hop)))),
      computed: this.maxTokens,
    };
  }

  /** [mels, frames] */
  async features(samples: Float32Array): Promise<Float32Array> {
    // Frames further behind the clip than a window are all the same: they are not computed. 0.5 s take 40 ms so, and 1.1 s otherwise.
    const heard = Math.min(this.maxSamples, this.clipFrames(samples.length) * this.hop + 2 * this.window);
    const { input_features } = await this.extractor._call(samples, { max_length: heard });
    const part = input_features.data as Float32Array;
    return this.whole(part, part.length / this.mels);
  }

  /** The model's input [mels, frames]: silence, which is what is 80 dB below the loudest value or as low as counts, behind the part. */
  private whole(part: Float32Array, frames: number): Float32Array {
    if (frames === this.frames) return part;
    const loudest = part.reduce((a, b) => Math.max(a, b));
    const out = new Float32Array(this.mels * this.frames).fill(Math.max(loudest - DYNAMIC_RANGE, FLOOR));
    for (let mel = 0; mel < this.mels; mel++)
      out.set(part.subarray(mel * frames, (mel + 1) * frames), mel * this.frames);
    return out;
  }

  private clipFrames(samples: number): number {
    return Math.min(this.frames, Math.max(1, Math.ceil(samples / this.hop)));
  }

  noisy(features: Float32Array, view: NoisyClip): Float32Array {
    const frames = this.clipFrames(view.of.samples.length);
    return roll(withNoise(features, view), view.roll, frames, 1, this.frames);
  }

  feeds(batch: readonly Float32Array[], names: readonly string[]): Feeds {
    assertInputs(names, [INPUT]);
    const data = new Float32Array(batch.length * this.mels * this.frames);
    batch.forEach((features, row) => {
      data.set(features, row * this.mels * this.frames);
    });
    return { [INPUT]: float32(data, [batch.length, this.mels, this.frames]) };
  }
}

/** log10 of power over 8, as the extractor ends with (x + 4) / 4. */
const DYNAMIC_RANGE = 2;
/** Of log10 1e-10. */
const FLOOR = -1.5;
