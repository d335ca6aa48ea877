/** A refit is a build of the rows that an index holds, and harms neither it nor what is written meanwhile. */
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { previousGeneration } from '../../src/selector/generations.js';
import { FungiSelector } from '../../src/selector/selector.js';
import type { BuildOptions, RefitOptions } from '../../src/selector/options.js';
import { IndexBuild } from '../../src/store/index-build.js';
import { findPrevious } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import { readManifest, writeManifest } from '../../src/store/manifest.js';
import { killAfter, sameIn, storedRows } from './built.js';
import { asStored, inPlace, tinyExamples, type Place } from './support.js';

const birds = tinyExamples(60)
  .slice(38)
  .map((example) => ({ ...example, input: example.input.replace(/^\w+/, 'c'), label: 'bird' }));
const GONE = ['r0', 'r3', 'r38'];

/** 40 rows are built, 2 replaced, 20 added and 3 removed. */
async function grown(place: Place, options: Partial<BuildOptions> = {}): Promise<void> {
  const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40), ...options });
  await selector.add(birds);
  await selector.remove(GONE);
  await selector.close();
}

const contents = async (place: Place, name = 'bank') =>
  (await storedRows(place, name)).map(({ id, input, label, metadata }) => ({ id, input, label, metadata }));

/** Files below a folder that hold one of the texts, or are named by it. */
async function filesWith(folder: string, texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    const bytes = entry.isFile() ? await readFile(path) : Buffer.alloc(0);
    if (texts.some((text) => bytes.includes(text) || entry.name.includes(text))) found.push(path);
  }
  return found;
}

const FEATURES: BuildOptions['features'] = { losses: [{ name: 'kl' }], projection: { kind: 'nystrom', landmarks: 16 } };
const CASES: [string, Partial<BuildOptions>][] = [
  ['auto', { features: FEATURES }],
  ['auto of few dimensions', { features: { ...FEATURES, seed: 3 }, dims: 6 }],
  ['the paper’s PCA', { features: FEATURES, reducer: { kind: 'pca' }, dims: 8 }],
  ['a PCA under cosine', { features: { losses: [] }, reducer: { kind: 'pca' }, metric: 'cosine', dims: 8 }],
  ['a PCA that had too few rows', { features: FEATURES, reducer: { kind: 'pca' } }],
  ['LDA of a given shrinkage', { features: { losses: [] }, reducer: { kind: 'lda', shrinkage: 0.3 } }],
  ['a blend of the usual shares', { features: { losses: [] }, reducer: { kind: 'blend' }, dims: 8 }],
  [
    'a blend of given shares',
    { features: { losses: [] }, reducer: { kind: 'blend', shrinkage: 0.5, shares: { selection: 0.25, vote: 0.75 } } },
  ],
  ['no reduction', { features: { losses: [], seed: 5 }, reducer: { kind: 'none' } }],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe('a refit', () => {
  it.each(CASES)('by %s gives what building an index of its rows gives', (_, options) =>
    inPlace(async (place) => {
      await grown(place, options);
      const before = await contents(place);
      const refitted = await FungiSelector.refit(asStored(place));
      const built = await FungiSelector.build({ ...place.options('calm'), ...options, examples: before });
      expect(refitted.size).toBe(57);
      expect(refitted.manifest.labels).toEqual(
        ['cat', 'dog', 'bird'].sort((a, b) => firstOf(before, a) - firstOf(before, b)),
      );
      expect(sameIn(refitted.manifest)).toEqual(sameIn(built.manifest));
      await Promise.all([refitted.close(), built.close()]);
      const [rows, calm] = [await storedRows(place, 'bank'), await storedRows(place, 'calm')];
      expect(await contents(place)).toEqual(before);
      rows.forEach(({ vector }, i) => {
        vector.forEach((value, d) => {
          expect(Math.abs(value - calm[i]!.vector[d]!)).toBeLessThan(1e-4);
        });
      });
    }),
  );

  it('takes another reduction or other dimensions where it is told to', () =>
    inPlace(async (place) => {
      await grown(place, { reducer: { kind: 'pca' }, metric: 'cosine', dims: 8 });
      const narrow = await FungiSelector.refit({ ...asStored(place), dims: 4 });
      expect(narrow.manifest).toMatchObject({ dims: 4, metric: 'cosine', reducer: { kind: 'pca' } });
      await narrow.close();
      const plain = await FungiSelector.refit({ ...asStored(place), reducer: { kind: 'none' } });
      expect(plain.manifest).toMatchObject({ metric: 'l2', reducer: { kind: 'none' } });
      await plain.close();
    }));

  it('leaves, where it is told to, an index that nothing was written to since its build, and no other', () =>
    inPlace(async (place) => {
      const examples = tinyExamples(12);
      const options = {
        ...place.options('bank'),
        examples,
        features: { losses: [] },
        reducer: { kind: 'pca' },
        dims: 4,
      };
      await (await FungiSelector.build(options as BuildOptions)).close();
      const refit = async (more: Partial<RefitOptions> = {}): Promise<string> => {
        const selector = await FungiSelector.refit({ ...asStored(place), ifUnchanged: 'leave', ...more });
        await selector.close();
        return selector.manifest.storeId;
      };
      const change = async (work: (selector: FungiSelector) => Promise<unknown>): Promise<void> => {
        const selector = await FungiSelector.open(place.options('bank'));
        await work(selector).finally(() => selector.close());
      };
      const { storeId } = await manifestOf(place);
      expect(await refit()).toBe(storeId);
      expect(await previousGeneration(asStored(place))).toBeUndefined();

      await change((selector) => selector.add([{ ...examples[3]!, label: 'bird' }]));
      const second = await refit();
      expect(second).not.toBe(storeId);
      expect(await refit()).toBe(second);
      expect((await previousGeneration(asStored(place)))?.manifest.storeId).toBe(storeId);
      expect(await refit({ dims: 3 })).not.toBe(second);
      const narrow = (await manifestOf(place)).storeId;
      expect(await refit({ ifUnchanged: 'refit' })).not.toBe(narrow);
    }));

  it('leaves no trace of a text that came after the build and was removed', () =>
    inPlace(async (place) => {
      const examples = tinyExamples(12);
      await (await FungiSelector.build({ ...place.options('bank'), examples, features: { losses: [] } })).close();
      const selector = await FungiSelector.open(place.options('bank'));
      const label = 'cat';
      await selector.add([{ id: 'secret', input: 'the cat wormwoodcanary', label, metadata: { note: 'gallcanary' } }]);
      await selector.remove(['secret']);
      await selector.close();
      const root = join(place.folder, 'indexes');
      const [texts, own] = [['wormwoodcanary', 'gallcanary', 'secret'], join(root, 'bank')];
      expect(await filesWith(own, texts)).not.toEqual([]);
      const refitted = await FungiSelector.refit({ ...asStored(place), ifUnchanged: 'leave' });
      await refitted.close();
      expect(await contents(place)).toHaveLength(12);
      expect(await filesWith(own, texts)).toEqual([]);
      // As docs/operations.md says.
      await rm(join(root, '.previous-bank'), { recursive: true });
      expect(await filesWith(root, texts)).toEqual([]);
    }));

  it('makes a new generation where a build by this version could give more', () =>
    inPlace(async (place) => {
      const options = { ...place.options('bank'), features: { losses: [] } };
      await (await FungiSelector.build({ ...options, examples: tinyExamples(150) })).close();
      const at = join(place.folder, 'indexes', 'bank');
      const { auto, ...rest } = await manifestOf(place);
      const { confidence, ...others } = auto!;
      const { choice } = others;
      expect([confidence, choice]).not.toContain(undefined);
      const refit = async (): Promise<string> => {
        const selector = await FungiSelector.refit({ ...asStored(place), ifUnchanged: 'leave' });
        await selector.close();
        return selector.manifest.storeId;
      };
      expect(await refit()).toBe(rest.storeId);
      for (const lesser of [
        { libraryVersion: '0.0.1', auto },
        { auto: { ...auto!, choice: { ...choice!, skipped: [['kl']] } } },
        { auto: others },
      ]) {
        const { storeId, storeVersion, artefacts, createdAt } = await manifestOf(place);
        await writeManifest(at, { ...rest, ...lesser, storeId, storeVersion, artefacts, createdAt });
        expect(await refit()).not.toBe(storeId);
      }
    }));

  it('makes a new generation of an index whose manifest does not tell what it was built of', () =>
    inPlace(async (place) => {
      const examples = tinyExamples(12);
      await (await FungiSelector.build({ ...place.options('bank'), examples, features: { losses: [] } })).close();
      const older = { ...(await manifestOf(place)), storeVersion: undefined };
      await writeManifest(join(place.folder, 'indexes', 'bank'), older);
      const refitted = await FungiSelector.refit({ ...asStored(place), ifUnchanged: 'leave' });
      expect(refitted.manifest.refitOf).toBe(older.storeId);
      await refitted.close();
    }));

  it('finds the same model in another folder, and takes no other', () =>
    inPlace(async (place) => {
      await grown(place);
      await rename(join(place.folder, 'model'), join(place.folder, 'moved'));
      await expect(FungiSelector.refit(asStored(place))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
      const encoder = join(place.folder, 'moved');
      const refitted = await FungiSelector.refit({ ...asStored(place), encoder });
      expect(refitted.manifest.encoder.id).toBe(encoder);
      await refitted.close();
    }));

  it('of an index without rows, or of none, is refused', () =>
    inPlace(async (place) => {
      const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(4) });
      await selector.remove(['r0', 'r1', 'r2', 'r3']);
      await selector.close();
      await expect(FungiSelector.refit(asStored(place))).rejects.toMatchObject({ code: 'INVALID_DATA' });
      await expect(FungiSelector.refit({ ...asStored(place), name: 'none' })).rejects.toMatchObject({
        code: 'INDEX_NOT_FOUND',
      });
      expect(await contents(place)).toEqual([]);
    }));

  it('of damaged rows is refused, and the index stays', () =>
    inPlace(async (place) => {
      await grown(place);
      const at = join(place.folder, 'indexes', 'bank');
      await cp(join(at, 'manifest.json'), join(at, 'examples.lance', 'data', 'more.lance'));
      await rename(join(at, 'store-id'), join(at, 'lost'));
      await expect(FungiSelector.refit(asStored(place))).rejects.toMatchObject({ code: 'INDEX_CORRUPT' });
      await rename(join(at, 'lost'), join(at, 'store-id'));
      expect(await contents(place)).toHaveLength(57);
      expect(await findPrevious(place.options('bank').indexes!, 'bank')).toBeUndefined();
    }));

  it('refuses changes and another refit until it has ended: nothing that was acknowledged is lost', () =>
    inPlace(async (place) => {
      await grown(place);
      const open = await FungiSelector.open(place.options('bank'));
      let goOn = (): void => undefined;
      let begun = (): void => undefined;
      const held = new Promise<void>((resolve) => (goOn = resolve));
      const making = new Promise<void>((resolve) => (begun = resolve));
      const create = Reflect.get(LanceStore, 'create');
      vi.spyOn(LanceStore, 'create').mockImplementationOnce(async (folder, dims) => {
        begun();
        await held;
        return create.call(LanceStore, folder, dims);
      });
      const refitting = FungiSelector.refit(asStored(place));
      await making; // its rows are read
      const locked = { code: 'INDEX_LOCKED' };
      const example = { id: 'late', input: 'cat a b c', label: 'cat' };
      const refused = [open.add([example]), open.remove(['r1']), FungiSelector.refit(asStored(place))];
      const outcomes = (await Promise.allSettled(refused)).map(
        (each) => each.status === 'rejected' && (each.reason as object),
      );
      for (const outcome of outcomes) expect(outcome).toMatchObject(locked);
      expect((await open.select('cat a b', { k: 5 })).examples).toHaveLength(5);

      const waiting = open.add([example]).catch((error: unknown) => error); // gets the lock, and finds another generation
      goOn();
      const refitted = await refitting;
      expect(await waiting).toMatchObject({ code: 'INDEX_MISMATCH' });
      expect(refitted.size).toBe(57);
      await refitted.add([example]);
      expect(refitted.size).toBe(58);
      await Promise.all([open.close(), refitted.close()]);
    }));

  it(
    'holds what is acknowledged while it begins (many changes beside many refits)',
    () =>
      inPlace(async (place) => {
        await grown(place, { reducer: { kind: 'none' }, features: { losses: [] } });
        const acknowledged = new Set<string>();
        let isOver = false;
        const writer = async (n: number): Promise<void> => {
          let selector: FungiSelector | undefined;
          for (let i = 0; !isOver; i++) {
            const id = `w${n}-${i}`;
            try {
              selector ??= await FungiSelector.open(place.options('bank'));
              await selector.add([{ id, input: 'dog a b', label: 'dog' }]);
              acknowledged.add(id);
            } catch {
              await selector?.close(); // another generation is in its place, or is being made
              selector = undefined;
            }
          }
          await selector?.close();
        };
        const writers = [writer(0), writer(1)];
        let refits = 0;
        for (let i = 0; i < 4; i++) {
          const before = acknowledged.size;
          await vi.waitFor(() => {
            expect(acknowledged.size).toBeGreaterThan(before);
          }, 20_000);
          const refitting = FungiSelector.refit(asStored(place));
          await refitting.then((selector) => selector.close().then(() => refits++)).catch(() => undefined);
        }
        isOver = true;
        await Promise.all(writers);
        const ids = (await contents(place)).map(({ id }) => id);
        expect(refits).toBeGreaterThan(0);
        expect(ids.filter((id) => id.startsWith('w')).sort()).toEqual([...acknowledged].sort());
      }),
    60_000,
  );
});

describe('a killed refit', () => {
  it.each([
    ['features', 512],
    ['pca', -1],
    ['store', -1],
  ] as const)('(in %s beyond %i) leaves the index as it was, and goes on where it stopped', (stage, after) =>
    inPlace(async (place) => {
      const examples = tinyExamples(600);
      const options = { ...place.options('bank'), features: FEATURES, reducer: { kind: 'pca' }, dims: 8 } as const;
      const built = await FungiSelector.build({ ...options, examples });
      await built.add(birds);
      await built.close();
      const before = await storedRows(place, 'bank');
      expect(await killAfter('refit-child.ts', [place.folder], stage, after)).toBe(true);
      expect(await storedRows(place, 'bank')).toEqual(before);
      const opened = await FungiSelector.open(place.options('bank'));
      expect((await opened.verify()).problems).toEqual([]);
      await opened.close();

      const computed: number[] = [];
      const refitted = await FungiSelector.refit({
        ...asStored(place),
        onProgress: ({ stage, done }) => stage === 'features' && computed.push(done),
      });
      expect(refitted.size).toBe(before.length);
      if (stage === 'features') expect(Math.min(...computed)).toBeGreaterThan(after);
      else expect(computed).toEqual([]);
      await refitted.close();
    }),
  );

  it.each([
    ['is killed', (place: Place) => killAfter('refit-child.ts', [place.folder, 'waits'], 'published', -1)],
    [
      'fails',
      async (place: Place) => {
        const publish = Reflect.get(IndexBuild.prototype, 'publish');
        vi.spyOn(IndexBuild.prototype, 'publish').mockImplementationOnce(async function (this: IndexBuild, ...args) {
          await publish.apply(this, args);
          throw new FungiError('STORAGE_FAILED', 'removing .building-bank');
        });
        return FungiSelector.refit(asStored(place)).then(
          () => false,
          () => true,
        );
      },
    ],
  ])('that %s after the swap leaves, run again and again, the generation before both to roll back to', (_, end) =>
    inPlace(async (place) => {
      await grown(place);
      const first = await manifestOf(place);
      expect(await end(place)).toBe(true);
      const second = await manifestOf(place);
      expect(second).toMatchObject({ rows: 57, refitOf: first.storeId });
      for (let again = 0; again < 2; again++) {
        const refitted = await FungiSelector.refit(asStored(place));
        expect(refitted.manifest.storeId).not.toBe(second.storeId);
        expect(refitted.manifest.refitOf).toBe(first.storeId);
        await refitted.close();
        expect((await previousGeneration(asStored(place)))?.manifest).toEqual(first);
      }
      expect((await FungiSelector.rollback(asStored(place))).present.manifest).toEqual(first);
    }),
  );

  it('starts anew with the rows of now', () =>
    inPlace(async (place) => {
      await grown(place, { features: FEATURES });
      expect(await killAfter('refit-child.ts', [place.folder], 'auto', -1)).toBe(true);
      const selector = await FungiSelector.open(place.options('bank'));
      await selector.add([{ id: 'late', input: 'cat a b c', label: 'cat' }]);
      await selector.close();
      const refitted = await FungiSelector.refit(asStored(place));
      expect(refitted.get('late')).toMatchObject({ label: 'cat' });
      expect(refitted.size).toBe(58);
      await refitted.close();
    }));
});

const manifestOf = (place: Place) => readManifest(join(place.folder, 'indexes', 'bank'));

const firstOf = (examples: readonly { readonly label: string }[], label: string): number =>
  examples.findIndex((each) => each.label === label);
