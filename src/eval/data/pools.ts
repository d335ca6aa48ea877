/** The pools that an evaluation runs on: the whole training set, or few shots of it, under each seed. */
import { sampleShots, type ShotSampling } from './few-shot.js';

export interface Pool {
  readonly seed: number;
  /** Null for the whole training set. */
  readonly shots: number | null;
  /** Rows of the training set, ascending. */
  readonly rows: readonly number[];
  /** Rows that negatives, prototypes and landmarks are drawn from, whose labels are not used; the pool's own where absent. */
  readonly unlabelled?: readonly number[];
}

export interface PoolOptions {
  /** Numbers of shots; null for all rows. @default [null] */
  readonly shots?: readonly (number | null)[];
  /** @default 'per-class' */
  readonly sampling?: ShotSampling | undefined;
  /** Whether few shots know the whole training set without its labels, as in the paper's evaluation. @default false */
  readonly unlabelled?: boolean | undefined;
  readonly seeds: readonly number[];
}

/**
 * A pool for every number of shots under every seed.
 *
 * @param labels the training set's [n]
 * @throws {FungiError} INVALID_ARGUMENT as {@link sampleShots}
 */
export function drawPools(
  labels: readonly string[],
  { shots = [null], sampling, unlabelled, seeds }: PoolOptions,
): Pool[] {
  const all = labels.map((_, row) => row);
  return shots.flatMap((count) =>
    seeds.map((seed) => ({
      seed,
      shots: count,
      rows: count === null ? all : sampleShots(labels, { shots: count, sampling, seed }),
      ...(unlabelled && count !== null && { unlabelled: all }),
    })),
  );
}
