/** The commands of `fungi eval` that judge feature sets by a classifier: they differ in the classifier and its options alone. */
import type { Command } from 'commander';
import type { Classifier } from '../eval/classify/classify.js';
import { runRows, summarise, type RunRow } from '../eval/classify/report.js';
import { classifyText } from './classify-text.js';
import type { Context, Run } from './context.js';
import { addPoolCommand, type PoolFlags, type Protocol } from './pool-command.js';

export interface ClassifyProtocol<Flags extends PoolFlags> extends Omit<Protocol<Flags>, 'measure'> {
  readonly classifier: (flags: Flags) => Promise<Classifier>;
  /** The settings in words. */
  readonly said: (flags: Flags) => string;
  readonly warn?: (results: readonly RunRow[], flags: Flags, context: Context) => void;
}

export function addClassifyCommand<Flags extends PoolFlags>(
  evaluation: Command,
  run: Run,
  { classifier, said, warn, ...protocol }: ClassifyProtocol<Flags>,
): void {
  addPoolCommand<Flags>(evaluation, run, {
    ...protocol,
    async measure(task, flags, context) {
      const { classifyRows } = await import('../eval/classify/classify.js');
      const runs = await classifyRows(task.rows, { ...task, classifier: await classifier(flags) });
      const truth = task.test.map(({ label }) => label);
      const report = { results: runRows(runs, truth), summary: summarise(runs, truth) };
      warn?.(report.results, flags, context);
      const settings = { ...flags, shots: flags.shots ?? [null] };
      return { report, text: (common) => classifyText({ ...common, ...report }, said(flags), settings) };
    },
  });
}
