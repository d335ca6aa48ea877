import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ask, askJson, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const path = { name: 'desk' };
const HOSTILE = [
  ...[
    "x' OR '1'='1",
    "r0'; DROP TABLE rows; --",
    '\\',
    "\\'",
    '%',
    '_',
    '"',
    '`',
    '--',
    '/*',
    '${1}',
    '{{x}}',
    '\0',
    '\u202e',
  ],
  ...['null', 'true', '1', '__proto__', 'constructor', ' ', 'É', 'E\u0301', '\u{1f600}', ''],
];
const value = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc.string({ unit: 'binary', maxLength: 12 }).filter((text) => text.isWellFormed()),
);
const isLabel = (text: string): boolean => text.trim() !== '' && !text.includes('\0');

/** Ids of the rows that a filter leaves. */
async function idsOf(catalogue: FakeCatalogue, filter: unknown): Promise<string[]> {
  const { examples } = await askJson(catalogue, 'retrieve', { path, body: { query: 'a', k: 1000, filter } });
  return (examples as { id: string }[]).map(({ id }) => id).sort();
}

describe('a filter', () => {
  it('on any value finds exactly the rows that have it, through the API and a real search', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(value, { minLength: 1, maxLength: 12 }), value, async (values, other) => {
        const catalogue = new FakeCatalogue();
        await catalogue.put('desk', []);
        const examples = values.map((source, i) => ({
          ...{ id: `r${i}`, input: `a${i}`, metadata: { source } },
          label: isLabel(source) ? source : 'none',
        }));
        await ask(catalogue, 'addExamples', { path, body: { examples } });
        for (const wanted of [...values, other]) {
          const ids = values.flatMap((source, i) => (source === wanted ? [`r${i}`] : []));
          expect(await idsOf(catalogue, { metadata: { source: wanted } })).toEqual(ids);
          expect(await idsOf(catalogue, { metadata: { source: [wanted] } })).toEqual(ids);
          const rest = examples.map(({ id }) => id).filter((id) => !ids.includes(id));
          expect(await idsOf(catalogue, { not: { metadata: { source: wanted } } })).toEqual(rest.sort());
          if (isLabel(wanted)) expect(await idsOf(catalogue, { label: wanted })).toEqual(ids);
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['SQL', "label = 'a'"],
    ['an unknown member', { where: 'label' }],
    ['a list', [{ label: 'a' }]],
    ['null', null],
    ['an operator that there is not', { label: { like: '%' } }],
    ['a value that is null', { label: null }],
    ['a number that is none', { metadata: { a: Infinity } }],
    ['an empty range', { label: {} }],
    ['17 levels', Array.from({ length: 17 }).reduce<object>((inner) => ({ not: inner }), {})],
    ['a member that is __proto__', JSON.parse('{"__proto__": {"label": "a"}}') as object],
  ])('is not %s, on any route', async (_, filter) => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', [{ input: 'a', label: 'a' }]);
    for (const operation of ['retrieve', 'prompt', 'answer']) {
      expect(await codeOf(ask(catalogue, operation, { path, body: { query: 'a', filter } }))).toBe('INVALID_REQUEST');
    }
  });

  it('on a key of every object finds no row that lacks it', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', [{ input: 'a', label: 'a' }]);
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      const filter = JSON.parse(`{"not": {"metadata": {"${name}": "x"}}}`) as object;
      expect(await idsOf(catalogue, filter)).toHaveLength(1);
      expect(await idsOf(catalogue, JSON.parse(`{"metadata": {"${name}": "x"}}`) as object)).toEqual([]);
    }
  });
});
