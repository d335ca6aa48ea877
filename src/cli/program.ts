/** The program: its commands, how they are run, and what is printed of them. */
import { Command } from 'commander';
import { LIBRARY_VERSION } from '../core/version.js';
import { addAdd } from './commands/add-examples.js';
import { addAnswer } from './commands/answer.js';
import { addCache } from './commands/cache.js';
import { addCalibrate } from './commands/calibrate.js';
import { addDemo } from './commands/demo.js';
import { addDoctor } from './commands/doctor.js';
import { addEval } from './commands/eval.js';
import { addHealth } from './commands/health.js';
import { addIndex } from './commands/index-examples.js';
import { addIndexes } from './commands/indexes.js';
import { addModels } from './commands/models.js';
import { addPrompt } from './commands/prompt.js';
import { addKeys } from './commands/keys.js';
import { addRemove } from './commands/remove-examples.js';
import { addRetrieve } from './commands/retrieve.js';
import { addServe } from './commands/serve.js';
import { createContext, type CommonOptions, type Report, type Run } from './context.js';
import type { Effects } from './effects.js';
import { exitCodeHelp, interruption, reportFailure, type FailureStyle } from './failure.js';
import { jsonText } from './json-text.js';
import { withOptionHint } from './option-hint.js';
import { addCommonOptions, addIndexesOption } from './options.js';

const COMMANDS = [
  ...[addDemo, addIndex, addAdd, addRemove, addRetrieve, addPrompt, addAnswer, addEval],
  ...[addServe, addKeys, addIndexes, addHealth, addCalibrate, addModels, addCache, addDoctor],
];

/** Runs one command line, without the name of the program; returns the exit code. */
export async function run(argv: readonly string[], effects: Effects): Promise<number> {
  let exitCode = 0;
  const failure: FailureStyle = { json: argv.includes('--json'), debug: argv.includes('--debug') };
  let path: readonly string[] = [];
  let tidy = (): void => undefined;
  const onCommand = (command: Command, args: readonly string[]): void => {
    path = [...path, command.name()];
    failure.json = asksForJson(command, args, program.opts<CommonOptions>().json === true);
  };
  const program = createProgram(effects, async (options, work) => {
    // Common options may stand before the command too; after it they win.
    const settings = { ...program.opts<CommonOptions>(), ...options };
    failure.json = settings.json === true;
    const { context, done } = createContext(settings, effects, argv);
    tidy = done;
    let report: Report;
    try {
      report = await work(context);
    } finally {
      done();
    }
    if (report.text !== '' || settings.json === true)
      effects.stdout.write(settings.json === true ? `${jsonText(report.json)}\n` : `${report.text}\n`);
    if (settings.json !== true && report.summary !== undefined) effects.stderr.write(`${report.summary}\n`);
    if (report.error !== undefined) throw report.error;
    exitCode = report.exitCode ?? 0;
  });
  beforeEach(program, onCommand);
  effects.onInterrupt?.(() => {
    tidy();
    reportFailure(interruption(path.join(' ')), effects.stderr, failure);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    return reportFailure(withOptionHint(error, program, path), effects.stderr, failure);
  }
}

/** Calls `listen` with each command on the way to the one that was named, before its own arguments are parsed. */
function beforeEach(parent: Command, listen: (command: Command, args: readonly string[]) => void): void {
  parent.hook('preSubcommand', (_, command) => {
    listen(command, parent.args.slice(1));
  });
  for (const command of parent.commands) beforeEach(command, listen);
}

/**
 * Whether a command's arguments, not parsed yet, ask for JSON, so that what is wrong with them is told so. Where its --json is no mere
 * switch, a file may follow: `eval knn --json FILE` speaks to people.
 *
 * @param before whether --json stands before the command
 */
function asksForJson(command: Command, args: readonly string[], before: boolean): boolean {
  const option = command.options.find(({ long }) => long === '--json');
  const at = args.lastIndexOf('--json');
  if (option === undefined || option.isBoolean()) return before || at >= 0;
  if (at >= 0) return /^-./.test(args[at + 1] ?? '--');
  return before && !args.some((arg) => arg.startsWith('--json='));
}

/** @param run runs a command's work */
export function createProgram({ stdout, stderr }: Pick<Effects, 'stdout' | 'stderr'>, run: Run): Command {
  const program = new Command('fungi')
    .description(
      'Picks the examples an LLM classification prompt should carry, with self-supervised gradient features (FUNGI).',
    )
    .version(LIBRARY_VERSION)
    .enablePositionalOptions() // so that a command may give a common option a meaning of its own: eval knn --json FILE
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      outputError: () => undefined, // reportFailure tells it
      getOutHelpWidth: () => stdout.columns ?? 100,
      getErrHelpWidth: () => stderr.columns ?? 100,
    });
  addCommonOptions(addIndexesOption(program)).addHelpText(
    'after',
    `
${exitCodeHelp()}

Results go to stdout, all else to stderr. Under --json an error is one JSON object, the last line of stderr:
{"error": {"code", "message", "hint", "retryable"}}.

Examples:
  fungi demo
  fungi index bank --data train.jsonl
  fungi retrieve bank "my card has not arrived"
  fungi answer bank "my card has not arrived" --base-url http://127.0.0.1:8080/v1 --model llama
  fungi eval knn --train train.jsonl --test test.jsonl --features embedding,kl,kl+simclr

Environment: FUNGI_CACHE, FUNGI_OFFLINE, FUNGI_PYTHON; HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, HF_HOME; OPENAI_BASE_URL,
OPENAI_API_KEY, OPENAI_MODEL. \`fungi doctor\` shows what they are.`,
  );
  for (const add of COMMANDS) add(program, run);
  return program;
}
