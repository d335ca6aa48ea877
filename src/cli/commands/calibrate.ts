/** `fungi calibrate`: how far the likeliest label is to be trusted, as a policy that abstains where it is not. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { stringify } from 'yaml';
import { replaceFileWith } from '../../core/atomic-file.js';
import { wilson } from '../../core/wilson.js';
import { readExamples } from '../../eval/data/read-examples.js';
import { CALIBRATION_METHODS, type CalibrationMethod } from '../../policies/calibration.js';
import type { CalibratedPolicy, CalibrateOptions } from '../../selector/calibrate.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { withSelector, type OpenFlags } from '../open-selector.js';
import { addKeyOptions, sourcesOf, whole, type KeyFlags } from '../options.js';
import { counted, pairs, percent } from '../output.js';
import { policyOptions, type PolicyFlags } from '../policy-option.js';
import { addOpenOptions } from './retrieve.js';

/** Queries below which the interval is wide whatever is found: 30 that are half right leave 34 points. */
const FEW = 30;

interface CalibrateFlags extends CommonOptions, OpenFlags, KeyFlags, Pick<PolicyFlags, 'policy'> {
  readonly data?: string;
  readonly k: number;
  readonly queries?: number;
  readonly seed: number;
  readonly method?: CalibrationMethod;
  readonly precision?: number;
  readonly out?: string;
}

export function addCalibrate(program: Command, run: Run): void {
  const command = program
    .command('calibrate')
    .description('measure how far the likeliest label is to be trusted, and write a policy that abstains below that')
    .argument('<name>', 'name of the index')
    .option('-k, --k <count>', 'examples of a selection', whole(1, 1000), 20)
    .option(
      '--data <source>',
      'labelled examples that the index does not have, to ask it (docs/data.md); needed with --reducer lda and blend',
    )
    .option(
      '--queries <count>',
      'as many of them, drawn at random, or of what stands in for them (default: 2000, and all that a build held out)',
      whole(1),
    )
    .option('--seed <number>', 'of the draw', whole(0), 0)
    .addOption(
      new Option('--method <name>', 'of the calibration (default: isotonic from 1000 queries on, else platt)').choices(
        CALIBRATION_METHODS,
      ),
    )
    .option('--precision <share>', 'share of the answers that have to be right, such as 0.95', openShare)
    .option('--policy <file|json>', 'a policy that what is measured is added to (docs/selection.md)')
    .option('--out <file>', 'write the policy as YAML, for --policy of retrieve, prompt and answer');
  addOpenOptions(addKeyOptions(command))
    .addHelpText(
      'after',
      `
What is asked are the examples of --data. Without it an index by --reducer auto tells what its build measured on examples that it held out, as
long as its examples are those of the build and no rule of the policy makes others vote; of one by pca or none each example is a query to the
others. With --precision the policy abstains below the confidence at which so many answers are right, as far as these examples can show; where
they show it nowhere, none is written. docs/selection.md#abstain-and-calibration

Examples:
  fungi calibrate bank --precision 0.95 --out policy.yaml
  fungi calibrate bank --data held-out.jsonl
  fungi calibrate bank --data held-out.jsonl --precision 0.95 --out policy.yaml
  fungi answer bank "my card has not arrived" --policy policy.yaml
  fungi calibrate bank --data held-out.jsonl --precision 0.9 --policy policy.yaml --out policy.yaml`,
    )
    .action((name: string, flags: CalibrateFlags) => run(flags, (context) => calibrate(context, name, flags)));
}

async function calibrate(context: Context, name: string, flags: CalibrateFlags): Promise<Report> {
  const { k, queries, seed, method, precision, data, out } = flags;
  const { policy: given = {} } = await policyOptions(flags, k);
  const options: CalibrateOptions = {
    ...{ policy: given, k, seed },
    ...(queries !== undefined && { queries }),
    ...(method && { method }),
    ...(precision !== undefined && { precision }),
    ...(data !== undefined && { examples: await labelled(data, flags, context) }),
  };
  const measured = await withSelector(context, name, flags, (selector) => selector.calibrate(options));
  const { calibration, abstention } = measured;
  if (measured.queries < FEW) context.log.warn(fewAsked(measured));
  const policy = { ...given, calibration, ...(abstention && { abstain: { below: abstention.threshold } }) };
  const isShort = precision !== undefined && abstention === undefined;
  if (out !== undefined && !isShort) await replaceFileWith(out, stringify(policy));
  return {
    text: calibrationText(name, measured, flags),
    json: {
      index: name,
      ...measured,
      abstention: abstention ?? null,
      shownAtMost: measured.shownAtMost ?? null,
      policy: isShort ? null : policy,
    },
    // A policy that answers whatever it is asked is not what was wanted.
    exitCode: isShort ? 1 : 0,
  };
}

async function labelled(source: string, { inputKey, labelKey }: CalibrateFlags, context: Context) {
  const { examples } = await readExamples(source, { inputKey, labelKey, idKey: null, hub: sourcesOf(context) });
  return examples;
}

function fewAsked({ queries, accuracy }: CalibratedPolicy): string {
  const { low, high } = wilson(Math.round(accuracy * queries), queries);
  const few = `${counted(queries, 'example')} ${queries === 1 ? 'is' : 'are'} few to calibrate by`;
  return `${few}: the 95 % interval of the share that is right is ${(100 * (high - low)).toFixed(0)} points wide (${percent(low)} to ${percent(high)} %); ask ${FEW} at least, better some hundreds`;
}

const lessOf = (most = 0): string =>
  most === 0 ? 'give more examples' : `ask for ${percent(most)} % at most, or give more examples`;

function calibrationText(
  name: string,
  { measuredOn, calibration, queries, accuracy, unscored, abstention, shownAtMost }: CalibratedPolicy,
  { precision, data, out }: Pick<CalibrateFlags, 'precision' | 'data' | 'out'>,
): string {
  const { low, high } = wilson(Math.round(accuracy * queries), queries);
  const of = {
    examples: data,
    index: `index "${name}", each by the others`,
    build: `index "${name}", in held-out folds of the build`,
  };
  const lines: [string, string][] = [
    ['asked', `${counted(queries, 'example')} of ${of[measuredOn]}`],
    ['likeliest label right', `${percent(accuracy)} % (95 % interval ${percent(low)} to ${percent(high)})`],
    ...(unscored === 0 ? [] : [['not counted', alone(unscored)] as [string, string]]),
    ['calibration', calibration.method],
  ];
  if (abstention !== undefined) {
    const { threshold, coverage, precision: found } = abstention;
    lines.push(
      ['answers from confidence', threshold.toFixed(3)],
      ['answered', `${percent(coverage)} %, of which ${percent(found)} % right`],
    );
  } else if (precision !== undefined) {
    lines.push(
      ['answers', `at no confidence do these examples show that ${percent(precision)} % are right`],
      ['policy', `none: ${lessOf(shownAtMost)}`],
    );
    return pairs(lines);
  }
  lines.push(['policy', out === undefined ? 'not written: --out FILE' : `${out}, for --policy ${out}`]);
  return pairs(lines);
}

const alone = (count: number): string =>
  `${counted(count, 'example')} with a label that no other has: the likeliest is wrong for such`;

function openShare(value: string): number {
  const share = /^0?\.\d+$/.test(value) ? Number(value) : NaN;
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError('It must be a number above 0 and below 1.');
}
