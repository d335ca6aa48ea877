/** Reductions by the names that users write. Apart from what does them: help has to appear at once. */
import { ENTRIES } from '../../reduce/random-matrix.js';

/**
 * PCA; what tells labels apart, alone (lda) or beside a PCA (blend); none; or a random projection with such entries, drawn with the run's
 * seed (paper Tables 20 and 21).
 */
export const KNN_REDUCERS = ['pca', 'lda', 'blend', 'none', ...ENTRIES] as const;
export type KnnReducer = (typeof KNN_REDUCERS)[number];
