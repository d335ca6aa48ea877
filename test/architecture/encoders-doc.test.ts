/** docs/encoders.md lists every encoder family, form and engine that the tests compare with PyTorch, and no failure. */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { ENGINES } from '../../src/engine/tails.js';

const root = new URL('../../', import.meta.url);
const FIXTURES = new URL('test/golden/fixtures/families/', root);
const document = readFileSync(new URL('docs/encoders.md', root), 'utf8');

const families = readdirSync(FIXTURES).sort();
const formsOf = (family: string): string[] =>
  readdirSync(new URL(`${family}/`, FIXTURES)).flatMap((file) => /^(.*)\.onnx$/.exec(file)?.[1] ?? []);
const forms = [...new Set(families.flatMap(formsOf))];
const common = forms.filter((form) => families.every((family) => formsOf(family).includes(form)));

const table = /<!-- families: [^\n]* -->\n([^]*)\n<!-- end of families -->/.exec(document)?.[1] ?? '';
const [head = [], , ...rows] = table
  .trim()
  .split('\n')
  .map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim())); // prettier-ignore

it('has a row for each family', () => {
  expect(rows.map(([family]) => family).sort()).toEqual(families);
});

it('has a column for each form that all families come in, with each engine', () => {
  const columns = common.flatMap((form) => ENGINES.map((engine) => `${form}, ${engine}`));
  expect(common.length).toBeGreaterThan(2);
  expect(head.slice(1).sort()).toEqual(columns.sort());
});

it('has a gradient error in every cell, and no failure', () => {
  const cells = rows.flatMap(([family, ...errors]) => errors.map((error, i) => `${family} ${head[i + 1]}: ${error}`));
  expect(cells).toHaveLength(families.length * common.length * ENGINES.length);
  expect(cells.filter((cell) => !/: \d(\.\d+)?e-\d+$/.test(cell))).toEqual([]);
});

it('says what the other forms give', () => {
  const others = forms.filter((form) => !common.includes(form));
  expect(others.filter((form) => !document.includes(`\`${form}\``))).toEqual([]);
});
