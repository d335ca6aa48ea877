import { describe, expect, it } from 'vitest';
import { equalItems, itemNumbers, nearItems, sameGroups } from '../../src/health/duplicates.js';
import { graphOf, keysOf, poolOf } from './support.js';

describe('equal items', () => {
  const rows = [
    [[0, 1], 'a', 'My card'],
    [[1, 0], 'a', 'other'],
    [[0, 1], 'b', 'my  card '],
    [[1, 1], 'a', 'Other'],
    [[0, 1], 'b', 'MY CARD'],
  ] as const;

  it('of texts are equal but for case and spaces, of media to the letter', () => {
    expect(equalItems(keysOf(poolOf(rows)))).toEqual([[0, 2, 4], [1, 3]]); // prettier-ignore
    expect(equalItems(keysOf(poolOf(rows, { modality: 'image' })))).toEqual([]);
    expect([...itemNumbers(5, [[0, 2, 4], [1, 3]])]).toEqual([0, 1, 0, 1, 0]); // prettier-ignore
  });

  it('are told apart by whether their labels agree, with what there is to spare', () => {
    const pool = poolOf(rows);
    const groups = sameGroups(equalItems(keysOf(pool)), pool, 2);
    expect(groups.spare).toBe(1);
    expect(groups.conflicting).toEqual({
      count: 1,
      first: [
        {
          ...{ rows: 3, labels: ['a', 'b'] },
          examples: [
            { id: 'r0', label: 'a', input: 'My card' },
            { id: 'r2', label: 'b', input: 'my  card ' },
          ],
        },
      ],
    });
    expect(groups.agreeing).toMatchObject({ count: 1, first: [{ rows: 2, labels: ['a'] }] });
    expect(sameGroups([[0, 1], [2, 4], [0, 1, 3]], pool, 1).agreeing).toMatchObject({ count: 3, first: [{ rows: 3 }] }); // prettier-ignore
  });
});

describe('near duplicates', () => {
  const at = (degrees: number, length = 1): number[] =>
    [Math.cos, Math.sin].map((of) => length * of((degrees * Math.PI) / 180));

  it('are joined by pairs within the cosine distance, whatever their lengths', async () => {
    // 1 − cos 10° is 0.0152, of 20° 0.0603, of 30° 0.134.
    const pool = poolOf([[at(0), 'a'], [at(10, 3), 'a'], [at(20), 'b'], [at(60), 'b'], [at(80), 'b']]); // prettier-ignore
    const graph = await graphOf(pool, 4);
    const items = itemNumbers(5, []);
    expect(await nearItems(graph, pool, items, { limit: 0.01 })).toEqual([]);
    expect(await nearItems(graph, pool, items, { limit: 0.016 })).toEqual([[0, 1, 2]]);
    expect(await nearItems(graph, pool, items, { limit: 0.061 })).toEqual([[0, 1, 2], [3, 4]]); // prettier-ignore
    expect(await nearItems(graph, pool, items, { limit: 2 })).toEqual([[0, 1, 2, 3, 4]]);
  });

  it('are not said again of groups of one item', async () => {
    const pool = poolOf([[at(0), 'a', 'x'], [at(0), 'a', 'X'], [at(90), 'b'], [at(91), 'b']]); // prettier-ignore
    expect(await nearItems(await graphOf(pool, 3), pool, Int32Array.of(0, 0, 2, 3), { limit: 0.01 })).toEqual([[2, 3]]);
    // A third text beside them makes a group of all.
    expect(await nearItems(await graphOf(pool, 3), pool, Int32Array.of(0, 0, 2, 2), { limit: 1 })).toEqual([
      [0, 1, 2, 3],
    ]);
  });

  it('are none among vectors of zeros', async () => {
    const pool = poolOf([[[0, 0], 'a'], [[0, 0], 'a'], [[1, 0], 'a']]); // prettier-ignore
    expect(await nearItems(await graphOf(pool, 2), pool, itemNumbers(3, []), { limit: 0.5 })).toEqual([]);
  });
});
