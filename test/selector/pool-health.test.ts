import { describe, expect, it } from 'vitest';
import { FungiSelector } from '../../src/selector/selector.js';
import { inPlace, tinyExamples } from './support.js';

describe('the health of an index', () => {
  it('is that of its rows of now, after changes and reopening alike', () =>
    inPlace(async (place) => {
      const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40) });
      const before = await selector.health();
      expect(before).toMatchObject({ rows: 40, labelCount: 2, dims: selector.dims, metric: 'l2', modality: 'text' });
      await selector.add([
        { id: 'one', input: 'sat sat d', label: 'cat' },
        { id: 'two', input: 'Sat  sat d', label: 'dog' },
      ]);
      await selector.remove(['r1']);
      const after = await selector.health({ k: 5 });
      expect(after).toMatchObject({ rows: 41, k: 5 });
      const { conflicting } = after.duplicates.equal;
      expect(conflicting.first.flatMap(({ examples }) => examples.map(({ id }) => id))).toEqual(
        expect.arrayContaining(['one', 'two']),
      );
      expect(JSON.stringify(after)).not.toContain('"r1"');
      await selector.close();
      const opened = await FungiSelector.open(place.options('bank'));
      expect(await opened.health({ k: 5 })).toEqual(after);
      await opened.remove(tinyExamples(40).map(({ id }) => id!));
      await opened.remove(['two']);
      await expect(opened.health()).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: 'health: the index has 1 examples, two are needed',
      });
      await opened.close();
    }));

  it('encodes unlabelled items and queries as the index does, tells how far it is, and can be ended', () =>
    inPlace(async (place) => {
      const stages = new Set<string>();
      const selector = await FungiSelector.build({
        ...place.options('bank'),
        examples: tinyExamples(40),
        onProgress: ({ stage }) => stages.add(stage),
      });
      const query = 'the cat sat a b c d';
      const { next, drift } = await selector.health({ queries: [query], unlabelled: [query, 'a dog sat'], select: 1 });
      const [nearest] = (await selector.select(query, { k: 1 })).examples;
      expect(drift!.median.queries).toBe(nearest!.distance);
      expect(next!.chosen).toHaveLength(1);
      expect([...stages]).toEqual(expect.arrayContaining(['neighbours', 'queries', 'unlabelled']));
      await expect(selector.health({ queries: ['a', ' '] })).rejects.toMatchObject({ code: 'INVALID_TEXT' });
      await expect(selector.health({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
      await selector.close();
    }));
});
