/** What every command gets and gives back. */
import { readConfig, type Config } from '../core/config.js';
import { FungiError } from '../core/errors.js';
import type { Logger } from '../core/log.js';
import type { OnProgress } from '../core/progress.js';
import { assertText } from '../core/text.js';
import { DEFAULT_INDEXES } from '../selector/options.js';
import type { Effects } from './effects.js';
import { ProgressDisplay } from './progress.js';

/** Options that every command takes. */
export interface CommonOptions {
  /** `eval knn` takes a file here. */
  readonly json?: boolean | string;
  readonly quiet?: boolean;
  readonly debug?: boolean;
  readonly indexes?: string;
}

/** A command's result: printed as `text`, or as JSON under --json. */
export interface Report {
  readonly text: string;
  /** For people too, on stderr, so that stdout can be piped on. */
  readonly summary?: string;
  readonly json: unknown;
  /** What failed once the result was there: it is told after the result, and decides the exit code. */
  readonly error?: FungiError;
  /** @default 0 */
  readonly exitCode?: number;
}

export interface Context {
  readonly effects: Effects;
  /** The words of the command line, without the name of the program. */
  readonly argv: readonly string[];
  readonly config: Config;
  /** Folder of all indexes. */
  readonly indexes: string;
  readonly log: Logger;
  readonly onProgress: OnProgress;
  /** Width to fit tables into; without end where nobody looks at a screen. */
  readonly columns: number;
}

/** Runs a command's work in a context made from its options, and prints its report. */
export type Run = (options: CommonOptions, work: (context: Context) => Promise<Report>) => Promise<void>;

export function createContext(
  options: CommonOptions,
  effects: Effects,
  argv: readonly string[] = [],
): { context: Context; done: () => void } {
  const silent = options.quiet === true || options.json === true;
  const display = new ProgressDisplay(effects.stderr, effects.now);
  const say =
    (prefix: string, on: boolean) =>
    (message: string): void => {
      if (!on) return;
      display.clear();
      effects.stderr.write(`${prefix}${message}\n`);
    };
  const context: Context = {
    effects,
    argv,
    config: readConfig(effects.env),
    indexes: options.indexes ?? DEFAULT_INDEXES,
    log: {
      debug: say('debug: ', options.debug === true),
      info: say('', !silent),
      warn: say('warning: ', options.quiet !== true),
    },
    onProgress: (progress) => {
      if (!silent) display.update(progress);
    },
    columns: effects.stdout.columns ?? Infinity,
  };
  return {
    context,
    done: () => {
      display.clear();
    },
  };
}

/**
 * A text argument; "-" stands for standard input, less the line break at its end.
 *
 * @throws {FungiError} INVALID_TEXT: known before a model is loaded
 */
export async function readText({ effects }: Context, argument: string): Promise<string> {
  const text = argument === '-' ? (await effects.readStdin()).replace(/\r?\n$/, '') : argument;
  assertText(text, 'query');
  return text;
}

/** Parses a JSON argument. @throws {FungiError} INVALID_ARGUMENT */
export function readJson(argument: string, option: string): unknown {
  try {
    return JSON.parse(argument);
  } catch (cause) {
    throw new FungiError('INVALID_ARGUMENT', `${option} is not JSON: ${(cause as Error).message}`, { cause });
  }
}
