/** `fungi eval cluster`: do classes show as clusters, without a label, better in FUNGI features than in plain embeddings? */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { distinctLabels } from '../../eval/data/read-examples.js';
import { addClassifyCommand, type ClassifyProtocol } from '../classify-command.js';
import type { Run } from '../context.js';
import { whole } from '../options.js';
import type { PoolFlags } from '../pool-command.js';

interface ClusterFlags extends PoolFlags {
  readonly restarts: number;
}

const CLUSTER: ClassifyProtocol<ClusterFlags> = {
  name: 'cluster',
  description: 'k-means of the test rows by feature set, its clusters matched with the labels',
  notes: `The test rows fall into as many clusters as they have labels; no label takes part in that. Accuracy is the share of rows whose cluster is
matched with their label, one to one and as well as can be (the Hungarian method; the paper's Table 14). nmi and ari, normalised mutual
information and the adjusted Rand index, need no matching. The training rows fit the PCA only. Clusters and their matching are made of the
test rows themselves: intervals hold them as they are, and an accuracy is above 1/labels also where nothing is to be found.`,
  examples: ['--train train.jsonl --test test.jsonl --features embedding,kl --seeds 3'],
  addOptions: (command) =>
    command.option('--restarts <count>', 'runs of k-means, of which the tightest counts', whole(1), 5),
  async classifier({ dims, restarts }) {
    const { clusterClassifier } = await import('../../eval/classify/cluster.js');
    return clusterClassifier({ dims, restarts });
  },
  settings: ({ dims, restarts }) => ({ dims, restarts }),
  check({ test }, { test: source = 'the part held out' }) {
    const labels = distinctLabels(test);
    if (labels.length > 1) return;
    throw new FungiError(
      'INVALID_DATA',
      `${source}: every test row has the label "${labels[0]!}", and clusters need two labels at least`,
      {
        hint: 'Give test rows of several labels, or check --label-key.',
      },
    );
  },
  said: ({ dims, restarts }) => `k-means, best of ${restarts}, PCA to at most ${dims}`,
};

export const addEvalCluster = (evaluation: Command, run: Run): void => {
  addClassifyCommand(evaluation, run, CLUSTER);
};
