/** How samples become the input of one family of models. */
import type { NoisyClip } from '../../core/content.js';
import type { Feeds } from '../../runtime/session.js';
import type { Pooling } from '../encoder.js';

/** Sizes of a clip in the model. */
export interface ClipSize {
  /** A, tokens that pooling reads. */
  readonly tokens: number;
  /** T, where the model pads to a fixed length by itself. */
  readonly computed?: number;
}

export interface AudioInput {
  /** Hz. */
  readonly sampleRate: number;
  /** Longest clip that is heard to its end. */
  readonly maxSamples: number;
  /** Tokens of it. */
  readonly maxTokens: number;
  /** Of the family. */
  readonly pooling: Pooling;
  size(samples: number): ClipSize;
  /** What the model reads of one clip, without padding where that is another's: spectrogram or samples, row by row. */
  features(samples: Float32Array): Promise<Float32Array>;
  /** The same with a view's noise, and rolled along time; `features` stay as they are. */
  noisy(features: Float32Array, view: NoisyClip): Float32Array;
  /** @param names inputs of the model. @throws {FungiError} MODEL_UNSUPPORTED for one that is not known */
  feeds(batch: readonly Float32Array[], names: readonly string[]): Feeds;
}
