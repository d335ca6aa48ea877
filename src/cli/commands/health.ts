/** `fungi health`: what is wrong with the examples of an index, and what would help. */
import { InvalidArgumentError, type Command } from 'commander';
import { FungiError } from '../../core/errors.js';
import type { HealthOptions } from '../../health/pool-health.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { healthText } from '../health-text.js';
import { withSelector, type OpenFlags } from '../open-selector.js';
import { addKeyOptions, pick, whole, type KeyFlags } from '../options.js';
import { readQueries } from '../read-queries.js';
import { addOpenOptions } from './retrieve.js';

interface HealthFlags extends CommonOptions, OpenFlags, KeyFlags {
  readonly k: number;
  readonly nearDistance: number;
  readonly top: number;
  readonly unlabelled?: string;
  readonly select?: number;
  readonly queries?: string;
}

export function addHealth(program: Command, run: Run): void {
  const command = program
    .command('health')
    .description('show what is wrong with the examples of an index: duplicates, doubtful labels, gaps, drift')
    .argument('<name>', 'name of the index')
    .option('-k, --k <count>', 'neighbours that an example is judged by', whole(1, 200), 20)
    .option('--near-distance <distance>', 'cosine distance up to which examples are near duplicates', distance, 0.05)
    .option('--top <count>', 'entries of each list under --json', whole(1, 1000), 20)
    .option('--unlabelled <source>', 'items without a label, of which some are named to be labelled next')
    .option('--select <count>', 'so many of them (default: 20)', whole(1, 1000))
    .option('--queries <source>', 'queries of late: do they look like the examples?');
  addOpenOptions(addKeyOptions(command))
    .addHelpText(
      'after',
      `
Nothing is changed. What each part means and what to do about it: docs/health.md.

Examples:
  fungi health bank
  fungi health bank --json --top 1000
  fungi health bank --queries last-week.jsonl
  fungi health bank --unlabelled inbox.jsonl --select 50`,
    )
    .action((name: string, flags: HealthFlags) => run(flags, (context) => health(context, name, flags)));
}

async function health(context: Context, name: string, flags: HealthFlags): Promise<Report> {
  if (flags.select !== undefined && flags.unlabelled === undefined) {
    throw new FungiError('INVALID_ARGUMENT', `--select ${flags.select}: there is nothing to select from`, {
      hint: 'Name the items without a label of which some are to be chosen: --unlabelled FILE.',
    });
  }
  const { k, nearDistance, top } = flags;
  const inputsOf = async (source: string): Promise<readonly string[]> =>
    (await readQueries(source, flags, context)).map(({ input }) => input);
  const options: HealthOptions = {
    ...{ k, nearDistance, top, ...pick(flags, 'select') },
    ...(flags.unlabelled !== undefined && { unlabelled: await inputsOf(flags.unlabelled) }),
    ...(flags.queries !== undefined && { queries: await inputsOf(flags.queries) }),
  };
  const report = await withSelector(context, name, flags, (selector) => selector.health(options));
  return { text: healthText(name, report, context.columns), json: { index: name, ...report } };
}

function distance(value: string): number {
  const number = /^\d*\.?\d+$/.test(value) ? Number(value) : NaN;
  if (number <= 2) return number;
  throw new InvalidArgumentError('It must be a number from 0 to 2.');
}
