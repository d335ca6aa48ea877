import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ExampleInput } from '../../src/core/item.js';
import { planFingerprint, type BuildPlan } from '../../src/selector/build-plan.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { featureSpec } from '../../src/features/spec.js';
import { lockIndex } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import { SPEC } from '../store/support.js';
import { inPlace, tinyExamples } from './support.js';

const LONG = 'dog '.repeat(50);
/** Three texts of 40 that the model cannot read to their end, in the first and in the last window. */
const examples: readonly ExampleInput[] = tinyExamples(40).map((example, i) =>
  [0, 1, 39].includes(i) ? { ...example, input: LONG + example.input } : example,
);

describe('building an index', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('opens the index before another build may replace it', () =>
    inPlace(async (place) => {
      const open = Reflect.get(LanceStore, 'open');
      const taken: unknown[] = [];
      vi.spyOn(LanceStore, 'open').mockImplementation(async (folder) => {
        const taking = lockIndex(place.options('bank').indexes!, 'bank', { waitMs: 0 });
        taken.push(await taking.catch((error: unknown) => (error as { code: string }).code));
        return open.call(LanceStore, folder);
      });
      await (await FungiSelector.build({ ...place.options('bank'), examples })).close();
      expect(taken).toEqual(['INDEX_LOCKED']);
      await (await lockIndex(place.options('bank').indexes!, 'bank', { waitMs: 0 })).release();
    }));

  it.each(['auto', 'pca'] as const)(
    'by %s counts the texts that were cut, also those of a run that was interrupted',
    (kind) =>
      inPlace(async (place) => {
        const options = { ...place.options('bank'), examples, ...(kind !== 'auto' && { reducer: { kind } }) };
        const interrupted = FungiSelector.build({
          ...options,
          onProgress: ({ stage }) => {
            if (stage === kind) throw new Error('interrupted'); // every window is staged by now
          },
        });
        await expect(interrupted).rejects.toThrow('interrupted');
        const stages: string[] = [];
        const resumed = await FungiSelector.build({
          ...options,
          onProgress: ({ stage }) => stages.push(stage),
        });
        expect(stages).not.toContain('features'); // nothing was encoded again
        expect(resumed.manifest.truncatedTexts).toBe(3);
        await resumed.close();
      }),
  );

  it.each(['auto', 'pca'] as const)('by %s tells how far it is in every stage', (kind) =>
    inPlace(async (place) => {
      const last = new Map<string, { done: number; total: number }>();
      const selector = await FungiSelector.build({
        ...place.options('bank'),
        ...{ examples, dims: 4, ...(kind !== 'auto' && { reducer: { kind } }) },
        onProgress: ({ stage, done, total }) => last.set(stage, { done, total }),
      });
      await selector.close();
      expect([...last.keys()]).toEqual(['kl landmarks', 'features', kind, 'store']);
      for (const stage of ['features', kind, 'store']) expect(last.get(stage)).toEqual({ done: 40, total: 40 });
    }),
  );

  it.each<[string, Partial<ExampleInput>, RegExp]>([
    ['a blank label', { label: ' ' }, /label of example 2/],
    ['a label with NUL', { label: 'a\0' }, /label of example 2/],
    ['an id that is too long', { id: 'x'.repeat(513) }, /id of example 2/],
    ['metadata that no store takes', { metadata: { size: Infinity } }, /"size" of example 2/],
  ])('refuses %s before anything is encoded, and so does an addition', (_, part, says) =>
    inPlace(async (place) => {
      const stages: string[] = [];
      const onProgress = ({ stage }: { stage: string }): void => void stages.push(stage);
      const bad = examples.map((example, i) => (i === 2 ? { ...example, ...part } : example));
      await expect(FungiSelector.build({ ...place.options('bank'), examples: bad, onProgress })).rejects.toThrow(says);
      expect(stages).toEqual([]);

      const selector = await FungiSelector.build({ ...place.options('bank'), examples, onProgress });
      stages.length = 0;
      await expect(selector.add(bad)).rejects.toThrow(says);
      expect(stages).toEqual([]);
      expect((await selector.verify()).rows).toBe(40);
      await selector.prompt('dog'); // no label of the index has become one that no prompt takes
      await selector.close();
    }),
  );

  it('leaves an index of that name alone when told so', () =>
    inPlace(async (place) => {
      const first = await FungiSelector.build({ ...place.options('bank'), examples });
      const again = { ...place.options('bank'), examples: examples.slice(1) };
      await expect(FungiSelector.build({ ...again, ifExists: 'refuse' })).rejects.toMatchObject({
        code: 'INDEX_EXISTS',
      });
      expect((await first.verify()).rows).toBe(40);
      await first.close();
      const replaced = await FungiSelector.build(again);
      expect(replaced.size).toBe(39);
      await replaced.close();
    }));
});

describe('the plan of a build', () => {
  const plan: BuildPlan = {
    encoder: SPEC.encoder,
    features: featureSpec({}),
    examples: [
      { id: 'a', input: 'one', label: 'x', metadata: {} },
      { id: 'b', input: 'two', label: 'y', metadata: { year: 1 } },
    ],
    libraryVersion: '1.2.3',
  };
  const [a, b] = plan.examples;

  it('does not depend on where the model lies', () => {
    expect(planFingerprint({ ...plan, encoder: { ...SPEC.encoder, id: 'elsewhere' } })).toBe(planFingerprint(plan));
  });

  it.each<[string, Partial<BuildPlan>]>([
    ['the version', { libraryVersion: '1.2.4' }],
    ['the encoder', { encoder: { ...SPEC.encoder, pooling: 'mean' } }],
    ['a setting', { features: featureSpec({ seed: 1 }) }],
    ['the order', { examples: [b!, a!] }],
    ['the number of examples', { examples: [a!] }],
    ['an input', { examples: [a!, { ...b!, input: 'three' }] }],
    ['a label', { examples: [a!, { ...b!, label: 'z' }] }],
    ['an id', { examples: [a!, { ...b!, id: 'c' }] }],
    ['metadata', { examples: [a!, { ...b!, metadata: { year: 2 } }] }],
  ])('depends on %s', (_, change) => {
    expect(planFingerprint({ ...plan, ...change })).not.toBe(planFingerprint(plan));
  });
});
