/** The command line that a report shows is the one that was typed: the shell itself is the judge. */
import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { commandLine } from '../../src/cli/command-line.js';

it('is taken apart by a shell into the same words', () => {
  const piece = fc.constantFrom("'", '"', '$HOME', '`id`', '\\', '\n', '*', ' ', ';', '#', '!', '~', '=', '-', 'a', 'ü', '🎉');
  const word = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const script = `fungi() { for word in "$@"; do printf '%s\\0' "$word"; done; }; ${commandLine(words)}`;
      const said = execFileSync('sh', ['-c', script], { encoding: 'utf8' });
      expect(said.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 60 },
  );
}); // prettier-ignore

it('quotes only what has to be, and keeps no credentials', () => {
  expect(commandLine(['eval', 'icl', '--train', 'hf:a/b:train', '--var', 'role=You see'])).toBe("fungi eval icl --train hf:a/b:train --var 'role=You see'"); // prettier-ignore
  const shown = commandLine([
    '--base-url',
    'http://me:hunter2@host/v1?api_key=s3cret&v=1',
    '--train=https://h/x?sig=abc',
  ]);
  expect(shown).not.toMatch(/hunter2|s3cret|abc/);
  expect(shown).toContain('host/v1?api_key=…&v=1');
});
