/** `fungi eval knn`: do FUNGI features retrieve better than plain embeddings on this data? */
import { Option, type Command } from 'commander';
import { KNN_REDUCERS, type KnnReducer } from '../../eval/classify/knn-reducers.js';
import type { Metric } from '../../retrieve/distance.js';
import { smallPoolWarning } from '../../eval/data/check-data.js';
import type { TieRule } from '../../retrieve/vote.js';
import { addClassifyCommand, type ClassifyProtocol } from '../classify-command.js';
import type { Run } from '../context.js';
import { whole } from '../options.js';
import type { PoolFlags } from '../pool-command.js';
import { assertShrinks, isSupervised, shrinkageOption } from '../shrinkage-option.js';
import { assertAllListed, tieRule, tieText } from '../tie-rule.js';

interface KnnFlags extends PoolFlags {
  readonly k: number;
  readonly ties: TieRule;
  readonly reducer: KnnReducer;
  readonly shrinkage?: number | 'auto';
  readonly metric?: Metric;
}

const KNN: ClassifyProtocol<KnnFlags> = {
  name: 'knn',
  auto: true,
  description: 'accuracy of k-nearest-neighbour classification by feature set, all over one encoding pass',
  notes: `Every feature set gets the same reduction and length normalisation. --reducer pca is the paper's, and knows no label. lda takes the directions that
tell the training labels apart, one less than there are labels; blend has the same beside a PCA, each at unit length; none reduces nothing;
binary, gaussian and sparse are random projections. What lda and blend learn needs a shrinkage, the larger the fewer rows there are: auto tries 0.02 to 0.95 on
training rows held out of the fit. "label hit": queries with an example of their label among the k; "same label": share of the k that have it.`,
  examples: [
    '--train train.jsonl --test test.jsonl',
    '--train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr,only:kl --seeds 3 --json results.json',
    '--train train.csv --test test.csv --shots 5 --sampling first --ties labels.json --seeds 5 --encoder bert-base',
    '--train train.jsonl --test test.jsonl --shots 1,2,4,8,16,all --seeds 3',
    '--train train.jsonl --test test.jsonl --features embedding,kl --reducer lda --shrinkage 0.2',
  ],
  addOptions: (command) =>
    command
      .option('-k, --k <count>', 'neighbours that vote; all rows, where there are fewer', whole(1), 20)
      .option(
        '--ties <rule>',
        'who wins a tied vote: name, the first label by name (as scikit-learn has it for strings); nearest; or the first of a list of labels, in a JSON file',
        tieRule,
        'name' satisfies TieRule,
      )
      .addOption(
        new Option('--reducer <kind>', 'how features are reduced')
          .choices(KNN_REDUCERS)
          .default('pca' satisfies KnnReducer),
      )
      .addOption(shrinkageOption())
      .addOption(
        new Option(
          '--metric <name>',
          'distance (default: cosine with lda and blend, l2 with the others and with lda of two labels)',
        ).choices(['l2', 'cosine'] satisfies Metric[]),
      ),
  check: ({ train }, { ties, reducer, shrinkage: share }) => {
    assertShrinks(reducer, share);
    assertAllListed(
      ties,
      train.map(({ label }) => label),
    );
  },
  async classifier({ k, dims, ties, reducer, shrinkage, metric }) {
    const { knnClassifier } = await import('../../eval/classify/knn.js');
    return knnClassifier({ k, dims, ties, reducer, shrinkage, metric });
  },
  settings: ({ k, dims, ties, reducer, shrinkage, metric }) => ({
    ...{ k, dims, ties: typeof ties === 'string' ? ties : [...ties], reducer },
    ...(isSupervised(reducer) && { shrinkage: shrinkage ?? 'auto' }),
    ...(metric !== undefined && { metric }),
  }),
  said: ({ k, dims, ties, reducer, shrinkage, metric }) =>
    [
      `k = ${k}, ties ${tieText(ties)}, ${reductionText(reducer, dims)}`,
      ...(isSupervised(reducer) ? [`shrinkage ${shrinkage ?? 'auto'}`] : []),
      ...(metric === undefined ? [] : [metric]),
    ].join(', '),
  warn(results, { k }, { log }) {
    const pool = Math.min(...results.map((row) => row.pool));
    const warning = smallPoolWarning(pool, k);
    if (warning !== undefined) log.warn(warning);
    for (const note of new Set(
      results.flatMap(({ features, note }) => (note === undefined ? [] : `${features}: ${note}`)),
    )) {
      log.warn(note);
    }
  },
};

const REDUCTION_WORDS = { pca: 'PCA', lda: 'LDA', blend: 'LDA beside PCA' } as const;

const reductionText = (reducer: KnnReducer, dims: number): string =>
  reducer === 'none'
    ? 'not reduced'
    : `${reducer in REDUCTION_WORDS ? REDUCTION_WORDS[reducer as keyof typeof REDUCTION_WORDS] : `${reducer} random projection`} to at most ${dims}`;

export const addEvalKnn = (evaluation: Command, run: Run): void => {
  addClassifyCommand(evaluation, run, KNN);
};
