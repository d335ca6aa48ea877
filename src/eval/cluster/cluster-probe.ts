import { assertFeatures, classesOf, type LabelledFeatures } from '../features/labelled-features.js';
import { clusterAgreement, type Agreement } from './agreement.js';
import { kMeans, type Clustering, type KMeansOptions } from './kmeans.js';

export interface ClusterProbe extends Agreement {
  /** C clusters, one for each class. */
  readonly clustering: Clustering;
}

/**
 * How well classes show as clusters (paper Appendix B, Table 14): k-means with as many clusters as there are classes, compared with
 * them. Labels play no part in the clustering.
 *
 * @throws {FungiError} INVALID_DATA for fewer than two labels; otherwise as `kMeans`
 */
export async function clusterProbe(
  features: LabelledFeatures,
  options: Omit<KMeansOptions, 'clusters'>,
): Promise<ClusterProbe> {
  assertFeatures(features, 'row');
  const { names } = classesOf(features.labels);
  const clustering = await kMeans(features, { ...options, clusters: names.length });
  return { ...clusterAgreement(features.labels, clustering.clusters), clustering };
}
