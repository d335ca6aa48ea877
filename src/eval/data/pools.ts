/** The pools that an evaluation runs on: the whole training set, or few shots of it, under each seed. */
import { sampleShots, type ShotSampling } from './few-shot.js';

export interface Pool {
  readonly seed: number;
  /** Null for the whole training set. */
  readonly shots: number | null;
  /** Rows of the training set, ascending. */
  readonly rows: readonly number[];
}

export interface PoolOptions {
  /** Numbers of shots; null for all rows. @default [null] */
  readonly shots?: readonly (number | null)[];
  /** @default 'per-class' */
  readonly sampling?: ShotSampling | undefined;
  readonly seeds: readonly number[];
}

/**
 * A pool for every number of shots under every seed.
 *
 * @param labels the training set's [n]
 * @throws {FungiError} INVALID_ARGUMENT as {@link sampleShots}
 */
export function drawPools(labels: readonly string[], { shots = [null], sampling, seeds }: PoolOptions): Pool[] {
  const all = labels.map((_, row) => row);
  return shots.flatMap((count) =>
    seeds.map((seed) => ({
      seed,
      shots: count,
      rows: count === null ? all : sampleShots(labels, { shots: count, sampling, seed }),
    })),
  );
}
