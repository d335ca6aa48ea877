import { FungiError } from '../core/errors.js';

/** Share of right predictions. @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length */
export function accuracy(truth: readonly string[], predicted: readonly string[]): number {
  if (truth.length !== predicted.length) {
    throw new FungiError('INVALID_ARGUMENT', `${truth.length} labels, but ${predicted.length} predictions`);
  }
  if (truth.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there is nothing to score: no items');
  return truth.filter((label, i) => label === predicted[i]).length / truth.length;
}
