/** `fungi eval linear`: does a linear classifier do better on FUNGI features than on plain embeddings? */
import type { Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import { groupRows } from '../../core/group-rows.js';
import { addClassifyCommand, type ClassifyProtocol } from '../classify-command.js';
import type { Run } from '../context.js';
import { whole } from '../options.js';
import type { PoolFlags } from '../pool-command.js';

interface LinearFlags extends PoolFlags {
  readonly iterations: number;
}

const LINEAR: ClassifyProtocol<LinearFlags> = {
  name: 'linear',
  description: 'accuracy of logistic regression by feature set, its penalty chosen on held-out training rows',
  notes: `Multinomial logistic regression without intercept on the features after PCA, L2 penalty λ of five values from 5e-6 to 5e-4: the one that
does best on a stratified fifth of the training rows, then a fit to all of them (the paper's Tables 15 and 16). "converged" is the share
of seeds whose last fit had reached its optimum when it ended.`,
  examples: [
    '--train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr',
    '--train train.jsonl --test test.jsonl --shots 5,all --seeds 3',
  ],
  addOptions: (command) => command.option('--iterations <count>', 'most iterations of a fit', whole(1), 300),
  async classifier({ dims, iterations }) {
    const { linearClassifier } = await import('../../eval/classify/linear.js');
    return linearClassifier({ dims, maxIterations: iterations });
  },
  settings: ({ dims, iterations }) => ({ dims, iterations }),
  check({ train, pools }) {
    for (const { rows, shots } of pools) {
      const sizes = [...groupRows(rows.map((row) => train[row]!.label)).values()].map((own) => own.length);
      if (sizes.some((size) => size > 1)) continue;
      throw new FungiError(
        'INVALID_ARGUMENT',
        `linear needs a label with two training rows at least, one to fit and one to choose the penalty on; ${shots === null ? 'here every label has one' : `--shots ${shots} leaves one of each`}`,
        { hint: 'Give --shots 2 or more, or judge such small pools with `fungi eval knn`.' },
      );
    }
  },
  said: ({ dims }) => `logistic regression, PCA to at most ${dims}`,
  warn(results, { iterations }, { log }) {
    const open = results.filter(({ measures }) => measures!['converged'] === 0).length;
    if (open > 0) {
      log.warn(
        `${open} of ${results.length} fits had not converged after ${iterations} iterations: their accuracy is that of where they were`,
      );
    }
  },
};

export const addEvalLinear = (evaluation: Command, run: Run): void => {
  addClassifyCommand(evaluation, run, LINEAR);
};
