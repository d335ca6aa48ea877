/**
 * SimCLR's views of a sound: uniform noise on its spectrogram, of a strength drawn for each view, then a roll along time (paper
 * equation 7, Table 13: x + x₁·x₂/10, rolled by U(−10, 10) frames).
 */
import { FungiError } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import type { ViewMaker } from './view.js';

export interface NoisyClips {
  /** V, views of one sound. */
  readonly count: number;
  /** The index's seed. */
  readonly seed: number | string;
  /** Largest noise of the loudest view. */
  readonly noise: number;
  /** Frames in either direction. */
  readonly roll: number;
  /** Keeps draws for different uses apart. @default 'positive' */
  readonly purpose?: 'positive' | 'negative';
}

/** View v depends on the seed, the sound's content and v alone. @throws {FungiError} INVALID_ARGUMENT for a content that is no sound */
export function noisyClips({ count, seed, noise, roll, purpose = 'positive' }: NoisyClips): ViewMaker {
  return {
    count,
    settings: { kind: 'noise', count, seed, noise, roll, purpose },
    views: (content) => {
      if (typeof content === 'string' || content.modality !== 'audio') {
        throw new FungiError('INVALID_ARGUMENT', 'views of a sound were asked of something else');
      }
      return Array.from({ length: count }, (_, v) => {
        const stream = [seed, 'noise', purpose, content.digest, v];
        const rng = Rng.stream(seed, ...stream.slice(1), 'strength');
        const level = rng.float() * noise;
        // As numpy's randint(−roll, roll) of the released code: −roll … roll−1.
        return { kind: 'noise' as const, of: content, stream, level, roll: roll === 0 ? 0 : rng.int(2 * roll) - roll };
      });
    },
  };
}
