/** `fungi eval knn`: do FUNGI features retrieve better than plain embeddings on this data? */
import type { Command } from 'commander';
import { smallPoolWarning } from '../../eval/data/check-data.js';
import type { TieRule } from '../../retrieve/vote.js';
import { addClassifyCommand, type ClassifyProtocol } from '../classify-command.js';
import type { Run } from '../context.js';
import { whole } from '../options.js';
import type { PoolFlags } from '../pool-command.js';
import { assertAllListed, tieRule, tieText } from '../tie-rule.js';

interface KnnFlags extends PoolFlags {
  readonly k: number;
  readonly ties: TieRule;
}

const KNN: ClassifyProtocol<KnnFlags> = {
  name: 'knn',
  description: 'accuracy of k-nearest-neighbour classification by feature set, all over one encoding pass',
  notes: 'Every feature set gets the same PCA and length normalisation.',
  examples: [
    '--train train.jsonl --test test.jsonl',
    '--train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr,only:kl --seeds 3 --json results.json',
    '--train train.csv --test test.csv --shots 5 --sampling first --ties labels.json --seeds 5 --encoder bert-base',
    '--train train.jsonl --test test.jsonl --shots 1,2,4,8,16,all --seeds 3',
  ],
  addOptions: (command) =>
    command
      .option('-k, --k <count>', 'neighbours that vote; all rows, where there are fewer', whole(1), 20)
      .option(
        '--ties <rule>',
        'who wins a tied vote: name, the first label by name (as scikit-learn has it for strings); nearest; or the first of a list of labels, in a JSON file',
        tieRule,
        'name' satisfies TieRule,
      ),
  check: ({ train }, { ties }) => {
    assertAllListed(
      ties,
      train.map(({ label }) => label),
    );
  },
  async classifier({ k, dims, ties }) {
    const { knnClassifier } = await import('../../eval/classify/knn.js');
    return knnClassifier({ k, dims, ties });
  },
  settings: ({ k, dims, ties }) => ({ k, dims, ties: typeof ties === 'string' ? ties : [...ties] }),
  said: ({ k, dims, ties }) => `k = ${k}, ties ${tieText(ties)}, PCA to at most ${dims}`,
  warn(results, { k }, { log }) {
    const pool = Math.min(...results.map((row) => row.pool));
    const warning = smallPoolWarning(pool, k);
    if (warning !== undefined) log.warn(warning);
  },
};

export const addEvalKnn = (evaluation: Command, run: Run): void => {
  addClassifyCommand(evaluation, run, KNN);
};
