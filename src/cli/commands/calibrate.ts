/** `fungi calibrate`: how far the likeliest label is to be trusted, as a policy that abstains where it is not. */
import { InvalidArgumentError, Option, type Command } from 'commander';
import { stringify } from 'yaml';
import { replaceFileWith } from '../../core/atomic-file.js';
import { CALIBRATION_METHODS, type CalibrationMethod } from '../../policies/calibration.js';
import type { PolicyOptions } from '../../policies/options.js';
import type { CalibratedPolicy } from '../../selector/calibrate.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { withSelector, type OpenFlags } from '../open-selector.js';
import { whole } from '../options.js';
import { counted, pairs, percent } from '../output.js';
import { policyOptions, type PolicyFlags } from '../policy-option.js';
import { addOpenOptions } from './retrieve.js';

interface CalibrateFlags extends CommonOptions, OpenFlags, Pick<PolicyFlags, 'policy'> {
  readonly k: number;
  readonly queries: number;
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
    .option('--queries <count>', 'examples that the others are asked about, drawn at random', whole(1), 2000)
    .option('--seed <number>', 'of the draw', whole(0), 0)
    .addOption(
      new Option('--method <name>', 'of the calibration (default: isotonic from 1000 queries on, else platt)').choices(
        CALIBRATION_METHODS,
      ),
    )
    .option('--precision <share>', 'share of the answers that have to be right, such as 0.95', openShare)
    .option('--policy <file|json>', 'a policy that what is measured is added to (docs/selection.md)')
    .option('--out <file>', 'write the policy as YAML, for --policy of retrieve, prompt and answer');
  addOpenOptions(command)
    .addHelpText(
      'after',
      `
Each example is a query to the others, without those of its text. With --precision the policy abstains below the confidence at which so many
answers are right, as far as these examples can show; the index itself is not changed. docs/selection.md#abstain-and-calibration

Examples:
  fungi calibrate bank
  fungi calibrate bank --precision 0.95 --out policy.yaml
  fungi answer bank "my card has not arrived" --policy policy.yaml
  fungi calibrate bank --precision 0.9 --policy policy.yaml --out policy.yaml`,
    )
    .action((name: string, flags: CalibrateFlags) => run(flags, (context) => calibrate(context, name, flags)));
}

async function calibrate(context: Context, name: string, flags: CalibrateFlags): Promise<Report> {
  const { k, queries, seed, method, precision, out } = flags;
  const { policy: given = {} } = await policyOptions(flags, k);
  const asked = { ...(method && { method }), ...(precision !== undefined && { precision }) };
  const options = { policy: given, k, queries, seed, ...asked };
  const measured = await withSelector(context, name, flags, (selector) => selector.calibrate(options));
  const { calibration, abstention } = measured;
  const policy = { ...given, calibration, ...(abstention && { abstain: { below: abstention.threshold } }) };
  if (out !== undefined) await replaceFileWith(out, stringify(policy));
  return {
    text: calibrationText(name, measured, policy, flags),
    json: { index: name, ...measured, abstention: abstention ?? null, policy },
  };
}

function calibrationText(
  name: string,
  { calibration, queries, accuracy, abstention }: CalibratedPolicy,
  policy: PolicyOptions,
  { precision, out }: Pick<CalibrateFlags, 'precision' | 'out'>,
): string {
  const lines: [string, string][] = [
    ['asked', `${counted(queries, 'example')} of index "${name}", each by the others`],
    ['likeliest label right', `${percent(accuracy)} %`],
    ['calibration', calibration.method],
  ];
  if (abstention !== undefined) {
    const { threshold, coverage, precision: found } = abstention;
    lines.push(
      ['answers from confidence', threshold.toFixed(3)],
      ['answered', `${percent(coverage)} %, of which ${percent(found)} % right`],
    );
  } else if (precision !== undefined) {
    const kept = policy.abstain === undefined ? '' : `; abstains below ${policy.abstain.below}, as given`;
    lines.push([
      'answers',
      `these examples show ${percent(precision)} % at no confidence: ask for less, or add examples${kept}`,
    ]);
  }
  lines.push(['policy', out === undefined ? 'not written: --out FILE' : `${out}, for --policy ${out}`]);
  return pairs(lines);
}

function openShare(value: string): number {
  const share = /^0?\.\d+$/.test(value) ? Number(value) : NaN;
  if (share > 0 && share < 1) return share;
  throw new InvalidArgumentError('It must be a number above 0 and below 1.');
}
