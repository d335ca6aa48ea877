/** Linear classification of reduced features (paper Appendix B, Tables 15 and 16). */
import { stratifiedSplit } from '../data/stratified-split.js';
import { reduceRows } from '../features/nearest.js';
import { holdOut, linearProbe } from '../linear/linear-probe.js';
import type { Classifier } from './classify.js';

export interface LinearOptions {
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Of each fit. @default 300 */
  readonly maxIterations?: number;
}

/** The paper holds out a fifth of the training rows where there is no validation set. */
const HELD_OUT = 0.2;

/** λ is chosen on a stratified fifth of the pool, drawn with the seed; the final model is fitted on the whole pool. */
export const linearClassifier = ({ dims = 512, maxIterations = 300 }: LinearOptions = {}): Classifier => ({
  seeded: true,
  async classify({ rows, pool, seed, onProgress }) {
    const labels = pool.map(({ label }) => label);
    const reduced = await reduceRows(rows, { dims, labels });
    const train = { rows: reduced.pool, dims: reduced.dims, labels };
    const { test: held } = stratifiedSplit(pool, { fraction: HELD_OUT, seed });
    const { predicted, l2, iterations, converged } = await linearProbe(
      { train, test: { rows: reduced.queries, dims: reduced.dims }, selection: holdOut(train, held) },
      { maxIterations, ...(onProgress && { onProgress }) },
    );
    return { predicted, dims: reduced.dims, measures: { l2, iterations, converged: Number(converged) } };
  },
});
