/** The two generations of an index: rollback, what is told of it, and any sequence of changes, refits and rollbacks. */
import { rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ExampleInput } from '../../src/core/item.js';
import { previousGeneration } from '../../src/selector/generations.js';
import type { BuildOptions } from '../../src/selector/options.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { removeIndex } from '../../src/store/index-folder.js';
import { storedRows } from './built.js';
import { asStored, inPlace, tinyExamples, type Place } from './support.js';

const SMALL: Pick<BuildOptions, 'features' | 'reducer' | 'dims'> = {
  features: { losses: [] },
  reducer: { kind: 'pca' },
  dims: 4,
};
const LATE: ExampleInput = { id: 'late', input: 'cat a b c', label: 'cat' };

const folderOf = (place: Place, entry = 'bank'): string => join(place.folder, 'indexes', entry);

/** 12 rows are built, one is added, which the refit takes up; then 3 are added to, 1 replaced in and 2 removed from the new generation. */
async function twoGenerations(place: Place): Promise<void> {
  const first = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(12), ...SMALL });
  await first.add([LATE]);
  await first.close();
  const second = await FungiSelector.refit(asStored(place));
  await second.add(tinyExamples(15).slice(12));
  await second.add([{ ...LATE, label: 'bird' }]);
  await second.remove(['r0', 'r1']);
  await second.close();
}

const ids = async (place: Place): Promise<string[]> => (await storedRows(place, 'bank')).map(({ id }) => id);
const logged = () => {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  return { lines, log: { debug: say, info: say, warn: say } };
};

describe('a rollback', () => {
  it('brings the previous generation back with the rows that it had, says what it lacks, and back again', () =>
    inPlace(async (place) => {
      await twoGenerations(place);
      const second = await storedRows(place, 'bank');
      expect(await previousGeneration(asStored(place))).toMatchObject({ rows: 13, manifest: { rows: 12 } });
      const { lines, log } = logged();
      const there = await FungiSelector.rollback({ ...asStored(place), log });
      expect(there).toMatchObject({
        present: { rows: 13, own: 3, manifest: { rows: 12 } },
        previous: { rows: 14, own: 4, manifest: { rows: 13 } },
      });
      expect(lines).toEqual([expect.stringContaining('4 of its examples are not in the previous generation')]);
      expect((await ids(place)).sort()).toEqual([...tinyExamples(12).map(({ id }) => id!), 'late'].sort());
      const opened = await FungiSelector.open(place.options('bank'));
      expect(opened.manifest).toEqual(there.present.manifest);
      expect((await opened.verify()).problems).toEqual([]);
      await opened.close();

      const back = await FungiSelector.rollback(asStored(place));
      expect(back.present).toEqual(there.previous);
      expect(back.previous).toEqual(there.present);
      expect(await storedRows(place, 'bank')).toEqual(second);
    }));

  it.each(['refit', 'replace', 'set-aside'] as const)('and a %s after it says what goes for good', (how) =>
    inPlace(async (place) => {
      const build = { ...place.options('bank'), examples: tinyExamples(12), ...SMALL };
      await (await FungiSelector.build(build)).close();
      const { lines, log } = logged();
      const again = await FungiSelector.refit({ ...asStored(place), log });
      await again.add([LATE]);
      await again.close();
      await FungiSelector.rollback(asStored(place));
      expect(lines).toEqual([]);
      const next =
        how === 'refit'
          ? await FungiSelector.refit({ ...asStored(place), log })
          : await FungiSelector.build({ ...build, ifExists: how, log });
      await next.close();
      expect(lines).toEqual([expect.stringContaining('1 of the examples of its previous generation is in no other')]);
    }),
  );

  it('says nothing where nothing is left behind', () =>
    inPlace(async (place) => {
      const built = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(12), ...SMALL });
      await built.close();
      await (await FungiSelector.refit(asStored(place))).close();
      const { lines, log } = logged();
      expect(await FungiSelector.rollback({ ...asStored(place), log })).toMatchObject({
        present: { own: 0 },
        previous: { own: 0 },
      });
      expect(lines).toEqual([]);
    }));

  it('is refused where there is no previous generation: never made, replaced, or removed', () =>
    inPlace(async (place) => {
      const none = { code: 'INDEX_NOT_FOUND', hint: expect.stringContaining('refit') as string };
      const rollback = () => FungiSelector.rollback(asStored(place));
      const build = async (): Promise<void> =>
        (await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(8), ...SMALL })).close();
      await build();
      await expect(rollback()).rejects.toMatchObject(none);
      await (await FungiSelector.refit(asStored(place))).close();
      await build();
      await expect(rollback()).rejects.toMatchObject(none);
      await (await FungiSelector.refit(asStored(place))).close();
      await removeIndex(asStored(place).indexes, 'bank');
      await expect(rollback()).rejects.toThrow('there is no index "bank"');
      await build();
      await expect(rollback()).rejects.toMatchObject(none);
      expect(await ids(place)).toHaveLength(8);
    }));

  it('returns to what a build set aside', () =>
    inPlace(async (place) => {
      const build = async (rows: number): Promise<void> => {
        const options = { ...place.options('bank'), examples: tinyExamples(rows), ...SMALL };
        await (await FungiSelector.build({ ...options, ifExists: 'set-aside' })).close();
      };
      await build(12);
      await build(6);
      await FungiSelector.rollback(asStored(place));
      expect(await ids(place)).toHaveLength(12);
    }));

  it.each([
    ['its manifest', (folder: string) => writeFile(join(folder, 'manifest.json'), '{}')],
    ['its reducer', (folder: string) => truncate(join(folder, 'pca.safetensors'), 40)],
    ['its rows', (folder: string) => writeFile(join(folder, 'seal.json'), '{}')],
  ])('to a generation that is damaged in %s is refused, and from one it is not', (_, damage) =>
    inPlace(async (place) => {
      await twoGenerations(place);
      const before = await storedRows(place, 'bank');
      await damage(folderOf(place, '.previous-bank'));
      await expect(FungiSelector.rollback(asStored(place))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      expect(await storedRows(place, 'bank')).toEqual(before);

      await rename(folderOf(place, '.previous-bank'), folderOf(place, 'kept'));
      await rename(folderOf(place), folderOf(place, '.previous-bank'));
      await rename(folderOf(place, 'kept'), folderOf(place));
      const { lines, log } = logged();
      await FungiSelector.rollback({ ...asStored(place), log });
      expect(await storedRows(place, 'bank')).toEqual(before);
      expect(lines.length).toBeLessThan(2);
    }),
  );

  it('leaves an open selector answering; it refuses changes until its generation is back', () =>
    inPlace(async (place) => {
      await twoGenerations(place);
      const open = await FungiSelector.open(place.options('bank'));
      const seen = await open.select('cat a b', { k: 20 });
      await FungiSelector.rollback(asStored(place));
      await expect(open.add([LATE])).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      await expect(open.remove(['r2'])).rejects.toMatchObject({ code: 'INDEX_MISMATCH' });
      expect(await open.select('cat a b', { k: 20 })).toEqual(seen);
      const other = await FungiSelector.open(place.options('bank'));
      expect(other.size).toBe(13);
      await other.add(tinyExamples(40).slice(30));
      await other.close();

      await FungiSelector.rollback(asStored(place));
      const third = await FungiSelector.open(place.options('bank'));
      await third.add([{ id: 'third', input: 'dog d', label: 'dog' }]);
      await third.close();
      await open.add([{ id: 'fourth', input: 'dog c', label: 'dog' }]);
      expect(open.size).toBe(16);
      expect((await open.verify()).problems).toEqual([]);
      expect(await ids(place)).toEqual(expect.arrayContaining(['third', 'fourth', 'r14']));
      await open.close();
    }));
});

/** What a generation has to hold, by id, in the order of its rows, and which one it is. */
interface ExpectedGeneration {
  readonly rows: Map<string, ExampleInput>;
  readonly storeId: string;
  readonly refitOf?: string;
}
interface Expected {
  present: ExpectedGeneration;
  previous: ExpectedGeneration | undefined;
}
type Command = fc.AsyncCommand<Expected, Place>;

const exampleOf = (i: number, version: number): ExampleInput => ({
  ...tinyExamples(60)[i * 4 + version]!,
  id: `n${i}`,
  label: (i + version) % 2 === 0 ? 'cat' : 'dog',
});
const numbers = fc.uniqueArray(fc.nat(11), { minLength: 1, maxLength: 5 });

async function check({ present, previous }: Expected, place: Place): Promise<void> {
  const held = (rows: Iterable<ExampleInput>) => [...rows].map(({ id, input, label }) => [id, input, label]);
  expect(held(await storedRows(place, 'bank'))).toEqual(held(present.rows.values()));
  const kept = await previousGeneration(asStored(place));
  expect([kept?.rows, kept?.manifest.storeId]).toEqual([previous?.rows.size, previous?.storeId]);
}

const isSame = (one: ExpectedGeneration | undefined, other: ExpectedGeneration): boolean =>
  isDeepStrictEqual(one?.rows, other.rows); // whatever the order

const command = (text: string, run: (expected: Expected, place: Place) => Promise<void>): Command => ({
  check: () => true,
  run: async (expected, place) => {
    await run(expected, place);
    await check(expected, place);
  },
  toString: () => text,
});

async function onOpen(place: Place, work: (selector: FungiSelector) => Promise<unknown>): Promise<void> {
  const selector = await FungiSelector.open(place.options('bank'));
  await work(selector).finally(() => selector.close());
}

const adds = fc.tuple(numbers, fc.nat(3)).map(([given, version]) =>
  command(`add ${given.join()} v${version}`, async ({ present }, place) => {
    const examples = given.map((i) => exampleOf(i, version));
    await onOpen(place, (selector) => selector.add(examples));
    for (const each of examples) present.rows.set(each.id!, each);
  }),
);

const removes = numbers.map((given) =>
  command(`remove ${given.join()}`, async ({ present }, place) => {
    const gone = given.map((i) => `n${i}`);
    await onOpen(place, (selector) => selector.remove(gone));
    for (const id of gone) present.rows.delete(id);
  }),
);

const refits = fc.constantFrom('ends', 'interrupted').map((how) =>
  command(`refit (${how})`, async (expected, place) => {
    const { present, previous } = expected;
    const refitting = FungiSelector.refit({
      ...asStored(place),
      onProgress: ({ stage }) => {
        if (how === 'interrupted' && stage === 'store') throw new Error('interrupted');
      },
    });
    if (how === 'interrupted') await expect(refitting).rejects.toThrow();
    else if (present.rows.size === 0) await expect(refitting).rejects.toMatchObject({ code: 'INVALID_DATA' });
    else {
      const { manifest } = await refitting;
      await (await refitting).close();
      const isAgain = previous?.storeId === present.refitOf && isSame(previous, present);
      const before = isAgain ? previous! : present;
      expected.previous = before;
      expected.present = { rows: new Map(present.rows), storeId: manifest.storeId, refitOf: before.storeId };
    }
  }),
);

const rollbacks = fc.constant(
  command('rollback', async (expected, place) => {
    const rollingBack = FungiSelector.rollback(asStored(place));
    if (expected.previous === undefined) {
      await expect(rollingBack).rejects.toMatchObject({ code: 'INDEX_NOT_FOUND' });
      return;
    }
    await rollingBack;
    [expected.present, expected.previous] = [expected.previous, expected.present];
  }),
);

it('hold what was written to each, whatever is done in whatever order (property)', async () => {
  const sequences = fc.commands([adds, removes, refits, rollbacks], { size: 'max', maxCommands: 14 });
  await fc.assert(
    fc.asyncProperty(sequences, (sequence) =>
      inPlace((place) =>
        fc.asyncModelRun(async () => {
          const examples = Array.from({ length: 6 }, (_, i) => exampleOf(i, 0));
          const built = await FungiSelector.build({ ...place.options('bank'), examples, ...SMALL });
          await built.close();
          const rows = new Map(examples.map((each) => [each.id!, each]));
          const model = { present: { rows, storeId: built.manifest.storeId }, previous: undefined };
          return { model, real: place };
        }, sequence),
      ),
    ),
    { numRuns: Number(process.env['TEST_SEQUENCES'] ?? 5), seed: 21, endOnFailure: true },
  );
}, 120_000);
