/** How well classes show as clusters of features (paper Appendix B, Table 14). */
import { clusterProbe } from '../cluster/cluster-probe.js';
import { reduceRows } from '../features/nearest.js';
import type { Classifier } from './classify.js';

export interface ClusterOptions {
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Runs of k-means, of which the one of the lowest inertia counts. @default 5 */
  readonly restarts?: number;
}

/**
 * The queries fall into as many clusters as they have labels, and a cluster predicts the label it is matched with. The pool only fits the
 * PCA: its labels are not used.
 */
export const clusterClassifier = ({ dims = 512, restarts = 5 }: ClusterOptions = {}): Classifier => ({
  seeded: true,
  async classify({ rows, pool, truth, seed, onProgress }) {
    const reduced = await reduceRows(rows, { dims, labels: pool.map(({ label }) => label) });
    const { clustering, classOf, nmi, ari } = await clusterProbe(
      { rows: reduced.queries, dims: reduced.dims, labels: truth },
      { seed, restarts, ...(onProgress && { onProgress }) },
    );
    const predicted = Array.from(clustering.clusters, (cluster) => classOf.get(cluster) ?? '');
    return { predicted, dims: reduced.dims, measures: { nmi, ari } };
  },
});
