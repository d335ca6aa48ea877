import { describe, expect, it } from 'vitest';
import { FungiSelector } from '../../src/selector/selector.js';
import { rowsAt } from '../../src/reduce/shares.js';
import { distanceBetween } from '../../src/retrieve/distance.js';
import { inPlace, tinyExamples } from './support.js';

const KINDS = [
  [{ kind: 'auto' }, 'cosine'],
  [{ kind: 'pca' }, 'l2'],
] as const;

/** Of the query to the nearest example, where labels had no say. */
async function nearestPlain(selector: FungiSelector, query: string): Promise<number> {
  const { reducer, metric } = selector.manifest;
  const { vectors } = await selector.embed([query, ...tinyExamples(40).map(({ input }) => input)]);
  const parts = reducer.kind === 'blend' && {
    supervised: reducer.supervised,
    unsupervised: reducer.unsupervised.dims,
  };
  const [own, ...rows] = parts ? vectors.map((vector) => rowsAt(0, vector, parts)) : vectors;
  return Math.min(...rows.map((row) => distanceBetween(own!, row, metric)));
}

describe.each(KINDS)('the health of an index by %j', (reducer, metric) => {
  it('is that of its rows of now, after changes and reopening alike', () =>
    inPlace(async (place) => {
      const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(40), reducer });
      const before = await selector.health();
      expect(before).toMatchObject({ rows: 40, labelCount: 2, dims: selector.dims, metric, modality: 'text' });
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
        ...{ examples: tinyExamples(40), reducer },
        onProgress: ({ stage }) => stages.add(stage),
      });
      const query = 'the cat sat a b c d';
      const { next, drift } = await selector.health({ queries: [query], unlabelled: [query, 'a dog sat'], select: 1 });
      expect(drift!.median.queries).toBeCloseTo(await nearestPlain(selector, query), 4);
      expect(next!.chosen).toHaveLength(1);
      expect([...stages]).toEqual(expect.arrayContaining(['neighbours', 'queries', 'unlabelled']));
      await expect(selector.health({ queries: ['a', ' '] })).rejects.toMatchObject({ code: 'INVALID_TEXT' });
      await expect(selector.health({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
      await selector.close();
    }));
});
