import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import type { LlmClient } from '../../src/llm/client.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { killAfter, sameIn, storedRows } from './built.js';
import { inPlace, tinyExamples, type Place } from './support.js';

const build = (place: Place, count = 40, name = 'bank') =>
  FungiSelector.build({ ...place.options(name), examples: tinyExamples(count) });

describe('FungiSelector', () => {
  it('finds an indexed text first, at distance zero, and orders by distance', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const [example] = tinyExamples(8).slice(7);
      const { examples, truncated } = await selector.select(example!.input, { k: 10 });
      expect(examples[0]!.input).toBe(example!.input);
      expect(examples[0]!.distance).toBeLessThan(1e-4);
      expect(examples.map(({ rank }) => rank)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      expect(examples.map(({ distance }) => distance)).toEqual(
        examples.map(({ distance }) => distance).sort((a, b) => a - b),
      );
      expect(truncated).toBe(false);
      await selector.close();
    }));

  it('selects the same after reopening, and the same for a query alone and in a batch', () =>
    inPlace(async (place) => {
      const built = await build(place);
      const queries = ['cat a b', 'the dog sat', 'dog'];
      const before = await built.selectBatch(queries);
      await built.close();
      const opened = await FungiSelector.open(place.options('bank'));
      for (const [i, query] of queries.entries()) {
        const after = await opened.select(query);
        expect(after.examples.map(({ id }) => id)).toEqual(before[i]!.examples.map(({ id }) => id));
        after.examples.forEach(({ distance }, at) => {
          // A vector may differ by 1e-5 in each of its dimensions; near zero the distance is as long as that difference.
          expect(Math.abs(distance - before[i]!.examples[at]!.distance)).toBeLessThan(1e-4);
        });
      }
      await opened.close();
    }));

  it('returns every row when k is larger than the index, and refuses k outside 1 to 1000', () =>
    inPlace(async (place) => {
      const selector = await build(place, 12);
      expect((await selector.select('cat', { k: 1000 })).examples).toHaveLength(12);
      for (const k of [0, -1, 1.5, 1001, NaN]) {
        await expect(selector.select('cat', { k })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      await selector.close();
    }));

  it('refuses empty and ill-formed queries; takes NUL and very long ones, and says that they were cut', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      for (const query of ['', ' \n', 'dog \ud800']) {
        await expect(selector.select(query)).rejects.toMatchObject({ code: 'INVALID_TEXT' });
      }
      expect((await selector.select('dog \u0000 sat')).examples).toHaveLength(20);
      const long = 'dog '.repeat(25_000);
      expect((await selector.select(long)).truncated).toBe(true);
      expect((await selector.prompt(long)).truncated).toBe(true);
      expect((await selector.prompt('dog')).truncated).toBe(false);
      expect((await selector.answer(long)).selection.truncated).toBe(true);
      await selector.close();
    }));

  it('filters by label and metadata', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const { examples } = await selector.select('cat', { filter: { label: 'dog', metadata: { year: [2001, 2002] } } });
      expect(examples.length).toBeGreaterThan(3);
      expect(
        examples.every(({ label, metadata }) => label === 'dog' && [2001, 2002].includes(Number(metadata['year']))),
      ).toBe(true);
      await selector.close();
    }));

  it('adds, replaces and removes examples, for every later process', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      expect(
        await selector.add([
          { id: 'new', input: 'd d d c', label: 'bird' },
          { ...tinyExamples(1)[0]!, label: 'bird' },
        ]),
      ).toEqual({ inserted: 1, updated: 1, truncated: 0 });
      expect(selector.size).toBe(41);
      expect(selector.labels).toContain('bird');
      expect((await selector.select('d d d c')).examples[0]!.id).toBe('new');
      expect(await selector.remove(['new', 'unknown'])).toBe(1);
      await selector.close();
      const opened = await FungiSelector.open(place.options('bank'));
      expect(opened.size).toBe(40);
      expect((await opened.select('d d d c')).examples.map(({ id }) => id)).not.toContain('new');
      expect(await opened.verify()).toEqual({ rows: 40, problems: [] });
      await opened.close();
    }));

  it('gives a later row the feature it would have had from the start', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const [first] = tinyExamples(1);
      await selector.add([{ ...first!, id: 'twin' }]);
      await selector.close();
      const rows = await storedRows(place, 'bank');
      const [a, b] = ['r0', 'twin'].map((id) => rows.find((row) => row.id === id)!.vector);
      a!.forEach((value, i) => {
        expect(value).toBeCloseTo(b![i]!, 5);
      });
      await selector.close().catch(() => undefined);
    }));

  it('fills the prompt and answers by vote without an LLM', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const prompt = await selector.prompt('cat sat', { k: 3, template: 'classify' });
      expect(prompt.messages.at(-1)!.content).toContain('cat sat');
      expect(prompt.used).toHaveLength(3);
      const answer = await selector.answer('cat sat');
      expect(answer.by).toBe('vote');
      expect(answer.label).toBe(answer.vote.label);
      await selector.close();
    }));

  it('selects nothing when the filter leaves nothing, and has no answer then', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const nothing = { filter: { label: 'bird' } };
      expect((await selector.select('cat', nothing)).examples).toEqual([]);
      const complete = vi.fn();
      for (const llm of [undefined, { complete } as unknown as LlmClient]) {
        await expect(selector.answer('cat', { ...nothing, ...(llm && { llm }) })).rejects.toMatchObject({
          code: 'INVALID_ARGUMENT',
          hint: expect.stringContaining('filter') as string,
        });
      }
      expect(complete).not.toHaveBeenCalled();
      await selector.close();
    }));

  it('keeps duplicates of text and label as one row, and the same text under two labels as two', () =>
    inPlace(async (place) => {
      const twice = ['cat', 'cat', 'dog'].map((label) => ({ input: 'the cat sat', label }));
      const selector = await FungiSelector.build({ ...place.options('bank'), examples: twice });
      expect(selector.size).toBe(2);
      await selector.close();
    }));
});

describe('a pool whose labels tell nothing', () => {
  it.each([
    ['every text under both labels', ['the cat', 'a dog', 'b c', 'd d a'], ['x', 'y']],
    ['every text under three labels', ['the cat', 'a dog', 'b c', 'd d a', 'cat'], ['x', 'y', 'z']],
    ['one text under two labels, many times', Array.from({ length: 6 }, () => 'the cat'), ['x', 'y']],
    ['two texts of two labels', ['cat', 'dog'], undefined],
  ] as const)('is indexed all the same, and its texts are found at distance zero: %s', (_, texts, labels) =>
    inPlace(async (place) => {
      const examples = texts.flatMap((input, i) =>
        (labels ?? [input]).map((label) => ({ id: `${i} ${label}`, input, label })),
      );
      const selector = await FungiSelector.build({ ...place.options('bank'), examples });
      for (const input of new Set(texts)) {
        const [nearest] = (await selector.select(input)).examples;
        expect(nearest!.input).toBe(input);
        expect(nearest!.distance).toBeLessThan(1e-4);
      }
      await selector.close();
    }),
  );
});

describe('an index and its model', () => {
  it('refuses another model, printing both fingerprints and what differs', () =>
    inPlace(async (place) => {
      await (await build(place)).close();
      const other = join(place.folder, 'other');
      await cp(join(place.folder, 'model'), other, { recursive: true });
      const weights = await readFile(join(other, 'model.safetensors'));
      weights[weights.length - 2]! ^= 1;
      await writeFile(join(other, 'model.safetensors'), weights);
      const opening = FungiSelector.open({ ...place.options('bank'), encoder: other });
      await expect(opening).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await expect(opening).rejects.toThrow(
        /encoder\.modelSha256: "[0-9a-f]{64}" in the index, "[0-9a-f]{64}" asked for/,
      );
    }));

  it('opens with the same model from another folder', () =>
    inPlace(async (place) => {
      await (await build(place)).close();
      await rename(join(place.folder, 'model'), join(place.folder, 'moved'));
      const opened = await FungiSelector.open({ ...place.options('bank'), encoder: join(place.folder, 'moved') });
      expect(opened.size).toBe(40);
      await opened.close();
    }));

  it('refuses a truncated model and changed artefacts', () =>
    inPlace(async (place) => {
      await (await build(place)).close();
      const artefacts = join(place.folder, 'indexes', 'bank', 'artefacts.safetensors');
      const bytes = await readFile(artefacts);
      bytes[bytes.length >> 1]! ^= 4;
      await writeFile(artefacts, bytes);
      await expect(FungiSelector.open(place.options('bank'))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      const weights = join(place.folder, 'model', 'model.safetensors');
      await writeFile(weights, (await readFile(weights)).subarray(0, 5000));
      await expect(build(place)).rejects.toMatchObject({ code: 'MODEL_CORRUPT' });
      expect(await storedRows(place, 'bank')).toHaveLength(40); // what was there is still there
    }));
});

describe('a killed build', () => {
  it.each([
    ['auto', 1100, 'features', 512],
    ['auto', 600, 'auto', -1],
    ['pca', 1800, 'features', 1024],
  ] as const)(
    'by %s of %i goes on where it stopped and ends in the same index (killed in %s beyond %i)',
    (kind, count, stage, after) =>
      inPlace(async (place) => {
        const killed = await killAfter('build-child.ts', [place.folder, String(count), kind], stage, after);
        expect(killed).toBe(true);
        const stages: string[] = [];
        const options = {
          reducer: { kind },
          features: { losses: [{ name: 'kl' as const }], projection: { kind: 'nystrom' as const, landmarks: 64 } },
        };
        const resumed = await FungiSelector.build({
          ...place.options('bank'),
          ...options,
          examples: tinyExamples(count),
          onProgress: ({ stage, done }) => stages.push(`${stage} ${done}`),
        });
        const { manifest } = resumed;
        await resumed.close();
        const done = stages.filter((line) => line.startsWith('features')).map((line) => Number(line.split(' ')[1]));
        if (stage === 'features')
          expect(Math.min(...done)).toBeGreaterThan(after); // stored windows are not computed again
        else expect(done).toEqual([]);
        expect(stages.some((line) => line.includes('landmarks'))).toBe(false); // nor are the artefacts

        const other = await FungiSelector.build({
          ...place.options('calm'),
          ...options,
          examples: tinyExamples(count),
        });
        await other.close();
        expect(sameIn(manifest)).toEqual(sameIn(other.manifest));
        const [rows, calm] = [await storedRows(place, 'bank'), await storedRows(place, 'calm')];
        expect(rows.map(({ id }) => id)).toEqual(calm.map(({ id }) => id));
        let worst = 0;
        rows.forEach(({ vector }, i) => {
          vector.forEach((value, d) => (worst = Math.max(worst, Math.abs(value - calm[i]!.vector[d]!))));
        });
        expect(worst).toBeLessThan(1e-5);
      }),
  );
});
