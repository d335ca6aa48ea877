/** Which patches of a picture go into the memory bank. */
import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';

/**
 * `count` patches of a picture, rare classes first (Balažević et al. 2023, as in the paper's code): a patch's score is a uniform number
 * times the sum, over its classes, of how many patches have the class, and the lowest scores are taken. Patches in which no pixel has a
 * class are never taken.
 *
 * @param shares of the classes in each patch [patches,C]
 * @returns numbers of the patches, ascending; fewer than `count` where there are fewer
 */
export function drawPatches(shares: Float32Array, classes: number, count: number, rng: Rng): number[] {
  if (!Number.isSafeInteger(count) || count < 1)
    throw new FungiError('INVALID_ARGUMENT', `patches of a picture must be a positive integer, got ${count}`);
  const patches = shares.length / classes;
  const own = Array.from({ length: patches }, (_, patch) =>
    Array.from({ length: classes }, (_, c) => c).filter((c) => shares[patch * classes + c]! > 0),
  );
  const frequency = new Float64Array(classes);
  own.flat().forEach((c) => frequency[c]!++);
  return own
    .map((present, patch) => ({ patch, labelled: present.length > 0, score: rng.float() * sumOf(present, frequency) }))
    .filter(({ labelled }) => labelled)
    .sort((a, b) => a.score - b.score || a.patch - b.patch)
    .slice(0, count)
    .map(({ patch }) => patch)
    .sort((a, b) => a - b);
}

const sumOf = (classes: readonly number[], of: Float64Array): number => classes.reduce((sum, c) => sum + of[c]!, 0);
