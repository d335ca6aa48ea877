/** An option given to a command that has none of that name: which of its neighbours take it? */
import { CommanderError, type Command } from 'commander';
import { FungiError } from '../core/errors.js';

/**
 * The error with a hint, where another command of the same group has the option; otherwise the error as it is.
 *
 * @param path words that call the command the option was given to, e.g. ["eval", "knn"]
 */
export function withOptionHint(error: unknown, program: Command, path: readonly string[]): unknown {
  const flag = error instanceof CommanderError ? /unknown option '(-[^'=]*)/.exec(error.message)?.[1] : undefined;
  if (flag === undefined) return error;
  const group = path.slice(0, -1).reduce((parent: Command | undefined, name) => childOf(parent, name), program);
  const takers = group?.commands.filter(({ options }) =>
    options.some(({ long, short }) => [long, short].includes(flag)),
  );
  if (takers === undefined || takers.length === 0) return error;
  const names = takers.map((taker) => `\`fungi ${[...path.slice(0, -1), taker.name()].join(' ')}\``);
  const [first] = (error as CommanderError).message.replace(/^error: /, '').split('\n');
  return new FungiError('INVALID_ARGUMENT', `${path.join(' ')}: ${first!}`, {
    hint: `${flag} is an option of ${listed(names)}.`,
    cause: error,
  });
}

const childOf = (parent: Command | undefined, name: string): Command | undefined =>
  parent?.commands.find((command) => command.name() === name);

/** "a", "a and b", "a, b and c" */
const listed = (names: readonly string[]): string =>
  names.length === 1 ? names[0]! : `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
