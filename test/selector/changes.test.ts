import { readdir } from 'node:fs/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Progress } from '../../src/core/progress.js';
import type { LlmClient } from '../../src/llm/client.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { lockIndex } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import { inPlace, tinyExamples, type Place } from './support.js';

const QUERIES = ['cat a b', 'the dog sat', 'dog', 'd d d c'];
const more = (first: number, count: number) =>
  tinyExamples(first + count)
    .slice(first)
    .map((example) => ({ ...example, label: 'bird' }));

async function twoSelectors(place: Place): Promise<[FungiSelector, FungiSelector]> {
  const built = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40) });
  return [built, await FungiSelector.open(place.options('bank'))];
}

/** Everything a caller sees of a selector's rows. */
async function seen(selector: FungiSelector) {
  const selections = await selector.selectBatch(QUERIES, { k: 60 });
  return {
    size: selector.size,
    labels: selector.labels,
    // A distance may differ by rounding between processes; order and rows may not.
    examples: selections.map(({ examples }) => examples.map((example) => ({ ...example, distance: undefined }))),
  };
}

describe('changing an index', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('leaves in memory what opening the index again gives, whoever changed it', () =>
    inPlace(async (place) => {
      const [one, other] = await twoSelectors(place);
      const assertFresh = async (selector: FungiSelector): Promise<void> => {
        const opened = await FungiSelector.open(place.options('bank'));
        expect(await seen(selector)).toEqual(await seen(opened));
        await opened.close();
      };
      await one.add(more(35, 10)); // five replaced, five new
      await assertFresh(one);
      await one.remove(['r0', 'r3', 'unknown']);
      await one.add(more(3, 1)); // back, at the end
      await assertFresh(one);
      await other.remove(['r5', 'r44']); // knows nothing of the changes before
      await assertFresh(other);
      await one.add([{ ...tinyExamples(8)[7]!, metadata: { year: 1999 } }]);
      await assertFresh(one);
      await Promise.all([one.close(), other.close()]);
    }));

  it('reads the table again only when another process changed it', () =>
    inPlace(async (place) => {
      const [one, other] = await twoSelectors(place);
      const scans = vi.spyOn(LanceStore.prototype, 'scan');
      await one.add(more(40, 2));
      await one.add(more(40, 3));
      await one.remove(['r1']);
      expect(scans).not.toHaveBeenCalled();
      await other.add(more(50, 1));
      expect(scans).toHaveBeenCalledOnce();
      expect(other.size).toBe(43);
      await Promise.all([one.close(), other.close()]);
    }));

  it('encodes before it takes the lock', () =>
    inPlace(async (place) => {
      await (await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40) })).close();
      const told: Progress[] = [];
      let encoded = (): void => undefined;
      const encoding = new Promise<void>((resolve) => (encoded = resolve));
      const selector = await FungiSelector.open({
        ...place.options('bank'),
        onProgress: (progress) => {
          told.push(progress);
          if (progress.stage === 'features' && progress.done === progress.total) encoded();
        },
      });
      const lock = await lockIndex(place.options('bank').indexes!, 'bank');
      const adding = selector.add(more(40, 3));
      await encoding;
      await lock.release();
      expect(await adding).toEqual({ inserted: 3, updated: 0, truncated: 0 });
      expect(told.at(-1)).toEqual({ stage: 'features', done: 3, total: 3, unit: 'rows' });
      await selector.close();
    }));

  it('takes many changes at once, from several selectors', () =>
    inPlace(async (place) => {
      const [one, other] = await twoSelectors(place);
      await Promise.all([
        ...Array.from({ length: 12 }, (_, i) => one.add(more(40 + i, 1))),
        ...Array.from({ length: 8 }, (_, i) => other.add(more(60 + i, 1))),
        one.remove(['r0']),
      ]);
      expect(await one.verify()).toEqual({ rows: 59, problems: [] });
      await other.remove(['r1']);
      expect(other.size).toBe(58);
      await Promise.all([one.close(), other.close()]);
    }));

  it('sees what was stored when a change fails after that', () =>
    inPlace(async (place) => {
      const [one, other] = await twoSelectors(place);
      const upsert = Reflect.get(LanceStore.prototype, 'upsert');
      vi.spyOn(LanceStore.prototype, 'upsert').mockImplementationOnce(async function (this: LanceStore, rows) {
        await upsert.call(this, rows);
        throw new Error('the answer was lost');
      });
      await expect(one.add(more(40, 1))).rejects.toThrow('the answer was lost');
      expect(one.size).toBe(41);
      expect((await one.select(more(40, 1)[0]!.input, { k: 60 })).examples.map(({ id }) => id)).toContain('r40');
      await Promise.all([one.close(), other.close()]);
    }));

  it('gives the lock back before it reads the table again, also when a change fails', () =>
    inPlace(async (place) => {
      const [one, other] = await twoSelectors(place);
      const [scan, upsert] = [Reflect.get(LanceStore.prototype, 'scan'), Reflect.get(LanceStore.prototype, 'upsert')];
      vi.spyOn(LanceStore.prototype, 'upsert').mockImplementationOnce(async function (this: LanceStore, rows) {
        await upsert.call(this, rows);
        throw new Error('the answer was lost');
      });
      const locked: boolean[] = [];
      vi.spyOn(LanceStore.prototype, 'scan').mockImplementation(async function* (this: LanceStore, options) {
        locked.push((await readdir(place.options('bank').indexes!)).includes('.lock-bank'));
        yield* scan.call(this, options);
      });
      await expect(one.add(more(40, 1))).rejects.toThrow('the answer was lost');
      await other.add(more(41, 1));
      expect(locked).toEqual([false, false]);
      await Promise.all([one.close(), other.close()]);
    }));

  it('tells how many additions were cut', () =>
    inPlace(async (place) => {
      const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn() };
      const examples = tinyExamples(40);
      const long = { id: 'long', input: 'dog '.repeat(50), label: 'dog' };
      const built = await FungiSelector.build({ ...place.options('bank'), examples, log });
      log.warn.mockClear();
      await built.add(more(40, 2));
      expect(log.warn).not.toHaveBeenCalled();
      await built.add([...more(40, 2), long]);
      await built.close();
      const opened = await FungiSelector.open({ ...place.options('bank'), log });
      await opened.add([long]);
      await opened.close();
      expect(log.warn.mock.calls).toEqual([
        ['1 of 3 examples are longer than the encoder reads: their ends were not seen'],
        ['1 of 1 examples are longer than the encoder reads: their ends were not seen'],
      ]);
    }));

  it('does not change the labels that an answer may be while the LLM is asked', () =>
    inPlace(async (place) => {
      const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40) });
      const cats = tinyExamples(40).flatMap(({ id, label }) => (label === 'cat' ? [id!] : []));
      const replying = (text: string): LlmClient => ({
        settings: { model: 'test' },
        complete: async () => {
          await selector.add(more(40, 1)); // a bird
          await selector.remove(cats);
          return { text, finishReason: 'stop', usage: undefined, attempts: 1, cached: false };
        },
      });
      const { answer } = await selector.answer('cat', { llm: replying('cat') });
      expect(answer).toEqual({ kind: 'label', label: 'cat' });
      await selector.remove(['r40']);
      await selector.add(tinyExamples(40));
      expect((await selector.answer('cat', { llm: replying('bird') })).answer.kind).not.toBe('label');
      await selector.close();
    }));

  it('reports long work on queries, not a single one', () =>
    inPlace(async (place) => {
      const told: Progress[] = [];
      const selector = await FungiSelector.build({
        ...place.options('bank'),
        examples: tinyExamples(40),
        onProgress: (progress) => told.push(progress),
      });
      told.length = 0;
      await selector.select('cat');
      expect(told).toEqual([]);
      await selector.selectBatch(QUERIES);
      expect(told.at(-1)).toEqual({ stage: 'queries', done: 4, total: 4, unit: 'rows' });
      await selector.close();
    }));
});
