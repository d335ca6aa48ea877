/** How well clusters agree with classes. Axes: C classes, K clusters. */
import { sum } from 'simple-statistics';
import { maxWeightAssign } from 'munkres-algorithm';
import { FungiError } from '../../core/errors.js';

export interface Agreement {
  /** Share of the items whose cluster is matched with their class. */
  readonly accuracy: number;
  /** Normalised mutual information: 0 by chance at the least, 1 for the same partition. */
  readonly nmi: number;
  /** Adjusted Rand index: 0 by chance on average, 1 for the same partition. */
  readonly ari: number;
  /** The class that each cluster is matched with, none where there are more clusters than classes. */
  readonly classOf: ReadonlyMap<number, string>;
}

/** Items of class and cluster. */
interface Contingency {
  /** [C] */
  readonly classes: readonly string[];
  /** Numbers of the clusters that have items, ascending [K]. */
  readonly clusters: readonly number[];
  /** [C][K] */
  readonly counts: readonly (readonly number[])[];
  readonly total: number;
}

/**
 * Compares a partition into clusters with the classes. Accuracy is that of the one-to-one matching of clusters and classes that has
 * the most items in common (Kuhn 1955): the overlap of Table 14. NMI is normalised by the mean of both entropies.
 *
 * @param truth class of each item [n]
 * @param clusters cluster of each item [n]
 * @throws {FungiError} INVALID_ARGUMENT when the lists are empty or of unequal length
 */
export function clusterAgreement(truth: readonly string[], clusters: ArrayLike<number>): Agreement {
  const table = contingency(truth, clusters);
  const { assignments } = maxWeightAssign(table.counts.map((row) => [...row]));
  const classOf = new Map<number, string>();
  let matched = 0;
  assignments.forEach((k, c) => {
    if (k === null) return;
    matched += table.counts[c]![k]!;
    classOf.set(table.clusters[k]!, table.classes[c]!);
  });
  return {
    accuracy: matched / table.total,
    nmi: normalisedMutualInformation(table),
    ari: adjustedRandIndex(table),
    classOf,
  };
}

function contingency(truth: readonly string[], clusters: ArrayLike<number>): Contingency {
  if (truth.length !== clusters.length) {
    throw new FungiError('INVALID_ARGUMENT', `${truth.length} items, but ${clusters.length} clusters of items`);
  }
  if (truth.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there is nothing to score: no items');
  const classes = [...new Set(truth)].sort();
  const numbers = [...new Set(Array.from(clusters))].sort((a, b) => a - b);
  const row = new Map(classes.map((name, c) => [name, c]));
  const column = new Map(numbers.map((cluster, k) => [cluster, k]));
  const counts = classes.map(() => numbers.map(() => 0));
  truth.forEach((name, i) => counts[row.get(name)!]![column.get(clusters[i]!)!]!++);
  return { classes, clusters: numbers, counts, total: truth.length };
}

const classSizes = ({ counts }: Contingency): number[] => counts.map((row) => sum([...row]));
const clusterSizes = ({ counts, clusters }: Contingency): number[] =>
  clusters.map((_, k) => sum(counts.map((row) => row[k]!)));

/** As scikit-learn's `normalized_mutual_info_score`, `average_method="arithmetic"`. */
function normalisedMutualInformation(table: Contingency): number {
  const [classes, clusters] = [classSizes(table), clusterSizes(table)];
  const { counts, total } = table;
  const entropy = (sizes: readonly number[]): number =>
    sum(sizes.map((size) => (size === 0 ? 0 : -(size / total) * Math.log(size / total))));
  const mean = (entropy(classes) + entropy(clusters)) / 2;
  // One class and one cluster: the same partition.
  if (mean === 0) return 1;
  const information = sum(
    counts.flatMap((row, c) =>
      row.map((count, k) =>
        count === 0 ? 0 : (count / total) * Math.log((count * total) / (classes[c]! * clusters[k]!)),
      ),
    ),
  );
  return Math.min(1, Math.max(0, information / mean));
}

/** Hubert & Arabie 1985, as scikit-learn's `adjusted_rand_score`. */
function adjustedRandIndex(table: Contingency): number {
  const pairs = (sizes: readonly number[]): number => sum(sizes.map((size) => (size * (size - 1)) / 2));
  const together = pairs(table.counts.flat());
  const [inClasses, inClusters] = [pairs(classSizes(table)), pairs(clusterSizes(table))];
  const all = pairs([table.total]);
  const expected = all === 0 ? 0 : (inClasses * inClusters) / all;
  const most = (inClasses + inClusters) / 2;
  // Both put every item apart, or all items together.
  return most === expected ? 1 : (together - expected) / (most - expected);
}
