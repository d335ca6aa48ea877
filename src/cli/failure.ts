/** How a command ends that did not succeed. */
import { CommanderError } from 'commander';
import { ERRORS, FungiError } from '../core/errors.js';
import type { Screen } from './effects.js';

/** Ends of commander that are no failure. */
const FINE = new Set(['commander.helpDisplayed', 'commander.version']);
const MEANINGS: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'a bug, or a check of `fungi doctor` that failed',
  2: 'usage',
  3: 'data',
  4: 'model or runtime',
  5: 'index or disk',
  6: 'network or LLM',
  130: 'interrupted',
};

export interface FailureStyle {
  /** One JSON object on a line of its own, for programs; lines for people else. */
  json: boolean;
  /** With the stack. */
  readonly debug: boolean;
}

/** Tells the user what went wrong; returns the exit code. */
export function reportFailure(error: unknown, stderr: Screen, style: FailureStyle): number {
  if (error instanceof CommanderError) {
    if (FINE.has(error.code)) return 0;
    // Help asked for by leaving everything out has been printed.
    return error.code === 'commander.help' ? 2 : reportFailure(usageError(error), stderr, style);
  }
  const known = FungiError.is(error);
  const message = error instanceof Error ? error.message : String(error);
  const hint = known
    ? error.hint
    : 'This is a bug in fungi-icl. Please report it with the output of the same command and --debug.';
  if (style.json) {
    const retryable = known && error.retryable;
    const stack = style.debug && error instanceof Error ? { stack: stackOf(error) } : {};
    const told = { code: known ? error.code : null, message, hint: hint ?? null, retryable, ...stack };
    stderr.write(`${JSON.stringify({ error: told })}\n`);
  } else {
    stderr.write(`error${known ? ` [${error.code}]` : ''}: ${message}\n`);
    if (hint !== undefined) stderr.write(`hint: ${hint}\n`);
    if (style.debug && error instanceof Error) stderr.write(`${stackOf(error)}\n`);
  }
  return known ? error.exitCode : 1;
}

/** Commands whose work is kept, and gone on with. */
const RESUMABLE: Readonly<Record<string, string>> = {
  index: 'The same command goes on where it stopped.',
  add: 'What is stored stays: the same command adds the rest.',
  demo: 'The same command goes on where it stopped.',
  'models pull': 'The same command goes on where it stopped.',
  answer: 'The same command asks only for what got no reply, since replies are kept (but under --no-cache).',
  ...Object.fromEntries(
    ['compare', 'knn', 'linear', 'cluster', 'retrieval', 'cka', 'ablate'].map((name) => [
      `eval ${name}`,
      'Features made so far are kept (but under --no-feature-cache): the same command makes only what is missing.',
    ]),
  ),
  'eval icl': 'The same command asks only for what got no reply, since replies are kept (but under --no-cache).',
};

/** Ctrl-C. @param command the words that call it, e.g. "models pull" */
export function interruption(command: string): FungiError {
  const hint = RESUMABLE[command];
  return new FungiError('ABORTED', 'interrupted', hint === undefined ? {} : { hint });
}

function usageError({ code, message }: CommanderError): FungiError {
  const takesText = code === 'commander.excessArguments' && /'(?:demo|retrieve|prompt|answer)'/.test(message);
  return new FungiError('INVALID_ARGUMENT', message.replace(/^error: /, ''), {
    hint: takesText
      ? 'Put a text of several words in quotes: "my card has not arrived".'
      : 'Add --help to the command to see what it takes.',
  });
}

function stackOf(error: Error): string {
  const stack = error.stack ?? error.message;
  return error.cause instanceof Error ? `${stack}\ncaused by ${stackOf(error.cause)}` : stack;
}

/** The exit codes and the errors behind each, for `fungi --help`. */
export function exitCodeHelp(): string {
  const lines = Object.entries(MEANINGS).map(([exit, meaning]) => {
    const codes = Object.entries(ERRORS).filter(([, kind]) => kind.exit === Number(exit));
    const names = codes.map(([code]) => code).join(', ');
    return `  ${exit.padStart(3)}  ${meaning}${names === '' ? '' : `: ${names}`}`;
  });
  return `Exit codes:\n${lines.join('\n')}`;
}
