/** Linear classification of frozen features (paper Appendix B, Tables 15 and 16): λ is chosen on a validation set. */
import { FungiError } from '../../core/errors.js';
import type { OnProgress } from '../../core/progress.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import {
  assertFeatures,
  selectRows,
  type FeatureMatrix,
  type LabelledFeatures,
} from '../features/labelled-features.js';
import { fitLogistic, type LogisticFit } from './logistic.js';

/** What λ is chosen on. */
export interface Selection {
  /** Models are fitted on these. */
  readonly fit: LabelledFeatures;
  /** They are compared on these. */
  readonly validation: LabelledFeatures;
}

export interface ProbeData {
  /** The final model is fitted on all of them. */
  readonly train: LabelledFeatures;
  readonly test: FeatureMatrix;
  /** `{ fit: train, validation }` where there is a validation set, else {@link holdOut}. */
  readonly selection: Selection;
}

export interface ProbeOptions {
  /** The λ to choose from, ascending. @default five from 5e-6 to 5e-4, evenly spaced */
  readonly l2?: readonly number[];
  /** Of each fit. @default 300 */
  readonly maxIterations?: number;
  /** See `LogisticOptions`. */
  readonly tolerance?: number;
  readonly runtime?: LinalgOptions;
  /** Counts fits. */
  readonly onProgress?: OnProgress;
}

/** How one λ fared on the validation set. */
export interface Candidate {
  readonly l2: number;
  /** Share of the validation set that is classified rightly. */
  readonly accuracy: number;
  readonly iterations: number;
  readonly converged: boolean;
}

export interface LinearProbe {
  /** Labels of the test rows [n]. */
  readonly predicted: readonly string[];
  /** The λ of the highest validation accuracy, the smallest among equals. */
  readonly l2: number;
  /** By λ, ascending. */
  readonly candidates: readonly Candidate[];
  /** Of the final model, as the two below. */
  readonly iterations: number;
  readonly converged: boolean;
  /** See `LogisticFit`. */
  readonly gap: number;
}

/** np.linspace(5e-6, 5e-4, 5), as the paper's code has it. */
const L2_VALUES = [5e-6, 1.2875e-4, 2.525e-4, 3.7625e-4, 5e-4] as const;

/**
 * Splits a training set that has no validation set: the paper holds out a stratified fifth.
 *
 * @param held rows of `train` for the validation, each once
 * @throws {FungiError} INVALID_ARGUMENT for a number that is not a row's, or when either part would be empty
 */
export function holdOut(train: LabelledFeatures, held: readonly number[]): Selection {
  const validation = selectRows(train, held);
  const out = new Set(held);
  const kept = train.labels.map((_, row) => row).filter((row) => !out.has(row));
  if (held.length === 0 || kept.length === 0) {
    throw new FungiError('INVALID_ARGUMENT', `${held.length} of ${train.labels.length} rows cannot be held out`, {
      hint: 'Hold out a fifth of the rows.',
    });
  }
  return { fit: selectRows(train, kept), validation };
}

/**
 * Chooses λ and predicts the labels of the test rows. Features are taken as they are: the paper brings blocks to unit length and the
 * joined features through a PCA before, nothing after. Deterministic.
 *
 * @throws {FungiError} INVALID_ARGUMENT for no λ, or parts whose rows differ in width; otherwise as `fitLogistic`
 */
export async function linearProbe(
  { train, test, selection }: ProbeData,
  options: ProbeOptions = {},
): Promise<LinearProbe> {
  const { l2: values = L2_VALUES, onProgress, ...settings } = options;
  const { fit, validation } = selection;
  if (values.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there is no λ to choose from');
  for (const [part, { dims }] of Object.entries({ test, fit, validation })) {
    if (dims === train.dims) continue;
    throw new FungiError('INVALID_ARGUMENT', `rows of ${part} have ${dims} values, those of train ${train.dims}`);
  }
  assertFeatures(train, 'training row');
  assertFeatures(validation, 'validation row');

  const ascending = [...values].sort((a, b) => a - b);
  const total = ascending.length + 1;
  const report = (done: number): void => onProgress?.({ stage: 'linear probe', done, total, unit: 'runs' });
  report(0);
  const fits: { readonly candidate: Candidate; readonly result: LogisticFit }[] = [];
  // A larger λ is the easier problem, and its model a good start for the next smaller one.
  for (const l2 of [...ascending].reverse()) {
    const last = fits[0]?.result.model;
    const result = await fitLogistic(fit, { ...settings, l2, ...(last && { start: last }) });
    const predicted = await result.model.predict(validation.rows, settings.runtime);
    const right = predicted.filter((label, i) => label === validation.labels[i]).length;
    const { iterations, converged } = result;
    fits.unshift({ candidate: { l2, accuracy: right / predicted.length, iterations, converged }, result });
    report(fits.length);
  }
  const best = fits.reduce((one, other) => (other.candidate.accuracy > one.candidate.accuracy ? other : one));
  const { l2 } = best.candidate;
  const final = fit === train ? best.result : await fitLogistic(train, { ...settings, l2, start: best.result.model });
  const predicted = await final.model.predict(test.rows, settings.runtime);
  report(total);
  const { iterations, converged, gap } = final;
  return { predicted, l2, candidates: fits.map(({ candidate }) => candidate), iterations, converged, gap };
}
