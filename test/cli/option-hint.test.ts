/** An option of another command is told as such. */
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram, run } from '../../src/cli/program.js';

const screen = { write: () => true };
const program = createProgram({ stdout: screen, stderr: screen }, () => Promise.resolve());

async function fungi(...argv: string[]): Promise<{ code: number; stderr: string }> {
  const err: string[] = [];
  const fail = (): never => {
    throw new Error('a wrong option is told before any work');
  };
  const stderr = { write: (text: string) => err.push(text) };
  const code = await run(argv, { stdout: screen, stderr, env: {}, readStdin: fail, now: () => 0 });
  return { code, stderr: err.join('') };
}

const group = (name: string): Command => program.commands.find((command) => command.name() === name)!;
/** A call of `eval NAME` that lacks nothing. */
const call = (name: string): string[] => {
  const { options } = group('eval').commands.find((command) => command.name() === name)!;
  return ['eval', name, ...options.flatMap(({ mandatory, long }) => (mandatory ? [long!, 'x'] : []))];
};
const longs = ({ options }: Command): string[] => options.flatMap(({ long }) => long ?? []);

describe('an unknown option', () => {
  it.each([
    ['knn', '--selectors', '`fungi eval compare` and `fungi eval icl`'],
    ['knn', '--iterations=5', '`fungi eval linear`'],
    [
      'linear',
      '-k',
      '`fungi eval compare`, `fungi eval icl`, `fungi eval knn`, `fungi eval ablate` and `fungi eval segment`',
    ],
    ['cka', '--metric', '`fungi eval knn` and `fungi eval retrieval`'],
  ])('of eval %s, %s, names who takes it', async (command, option, takers) => {
    const { code, stderr } = await fungi(...call(command), option, 'x');
    const [flag] = option.split('=');
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error [INVALID_ARGUMENT]: eval ${command}: unknown option '${option}'\nhint: ${flag!} is an option of ${takers}.\n`,
    );
  });

  it.each(group('eval').commands.map((command) => [command.name(), command] as const))(
    'of eval %s is never answered with a command that lacks it',
    async (name, command) => {
      const own = new Set(longs(command));
      const foreign = [...new Set(group('eval').commands.flatMap(longs))].filter((option) => !own.has(option));
      expect(foreign.length).toBeGreaterThan(0);
      for (const option of foreign) {
        const { code, stderr } = await fungi(...call(name), option);
        expect(code).toBe(2);
        const takers = [...stderr.matchAll(/`fungi eval (\w+)`/g)].map(([, taker]) => taker!);
        const expected = group('eval').commands.filter((other) => longs(other).includes(option));
        expect(takers).toEqual(expected.map((other) => other.name()));
      }
    },
  );

  it('of reducing an index is told to whom it belongs', async () => {
    for (const flag of ['--reducer', '--shrinkage']) {
      const { code, stderr } = await fungi('retrieve', 'bank', flag, 'lda');
      expect(code).toBe(2);
      expect(stderr).toMatch(new RegExp(`hint: ${flag} is an option of .*\`fungi index\``));
    }
  });

  it('works outside of eval too, and under --json', async () => {
    const { code, stderr } = await fungi('cache', 'list', '--older-than', '3', '--json');
    expect(code).toBe(2);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { code: 'INVALID_ARGUMENT', hint: '--older-than is an option of `fungi cache clear`.' },
    });
  });

  it('that nobody has leads to --help, with what it may have been', async () => {
    const { code, stderr } = await fungi(...call('knn'), '--featurs', 'kl');
    expect(code).toBe(2);
    expect(stderr).toContain("unknown option '--featurs'\n(Did you mean --features?)");
    expect(stderr).toContain('hint: Add --help to the command');
  });
});
