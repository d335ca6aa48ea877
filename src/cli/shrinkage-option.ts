/** `--shrinkage`: of reductions that learn of labels. */
import { InvalidArgumentError, Option } from 'commander';
import { FungiError } from '../core/errors.js';

export const isSupervised = (reducer: string): reducer is 'lda' | 'blend' => reducer === 'lda' || reducer === 'blend';

export const shrinkageOption = (): Option =>
  new Option(
    '--shrinkage <share>',
    'of lda and blend: how far the scatter within labels is drawn towards a sphere, 0 to 1, or auto (default: auto)',
  ).argParser(shrinkage);

/** @throws {FungiError} INVALID_ARGUMENT for a shrinkage of what takes none */
export function assertShrinks(reducer: string, share: number | 'auto' | undefined): void {
  if (share === undefined || isSupervised(reducer)) return;
  throw new FungiError('INVALID_ARGUMENT', `--shrinkage ${share} with --reducer ${reducer}, which takes none`, {
    hint: 'Add --reducer lda or --reducer blend, or leave --shrinkage out.',
  });
}

function shrinkage(value: string): number | 'auto' {
  if (value === 'auto') return value;
  const share = /^\d*\.?\d+(e-?\d+)?$/i.test(value) ? Number(value) : NaN;
  if (share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('It must be a number from 0 to 1, or auto.');
}
