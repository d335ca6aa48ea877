/** What the README repeats from the code is what the code says. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ERRORS } from '../../src/core/errors.js';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const readme = read('README.md');

it('shows the example that can be run', () => {
  const shown = /```ts\n([^]*?)```/.exec(readme)![1]!;
  expect(shown.replace(`'fungi-icl'`, `'../src/index.js'`)).toBe(read('examples/01-select.ts'));
});

it('lists every error code under its exit code', () => {
  const rows = [...readme.matchAll(/^- (\d+)[,:]([^]*?)(?=^- |^$)/gm)];
  const listed = rows.flatMap(([, exit, codes]) => [...codes!.matchAll(/`(\w+)`/g)].map(([, code]) => [code!, exit!]));
  const kinds = Object.entries(ERRORS).map(([code, { exit }]) => [code, String(exit)]);
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(kinds));
  expect(listed).toHaveLength(kinds.length);
});

it('calls retryable what is', () => {
  const sentence = /^(.*) are retryable/m.exec(readme)![1]!;
  const named = [...sentence.matchAll(/`(\w+)`/g)].map(([, code]) => code!);
  const retryable = Object.entries(ERRORS).filter(([, kind]) => kind.retryable);
  expect(named.sort()).toEqual(retryable.map(([code]) => code).sort());
});
