import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { equalItems, itemNumbers } from '../../src/health/duplicates.js';
import { doubtedRows, expectedShares, labelDoubts, type DoubtedRow } from '../../src/health/label-doubts.js';
import { leaveOneOut } from '../../src/health/leave-one-out.js';
import type { Pool } from '../../src/health/pool.js';
import { graphOf, keysOf, labelsOf, poolOf, type Row } from './support.js';

async function doubted(pool: Pool, k: number): Promise<DoubtedRow[]> {
  const equal = equalItems(keysOf(pool));
  const labels = labelsOf(pool);
  const votes = await leaveOneOut(await graphOf(pool, k), labels, itemNumbers(pool.examples.length, equal));
  return doubtedRows(votes, labels, equal);
}

/** Three clouds of 40 points, one for each label; some rows have the label of another cloud. */
function clouds(seed: number, wrong: ReadonlySet<number>): Row[] {
  const rng = Rng.stream(seed, 'clouds');
  return Array.from({ length: 120 }, (_, i): Row => {
    const cloud = i % 3;
    const point = [10 * cloud + rng.float(), rng.float()];
    return [point, `label ${wrong.has(i) ? (cloud + 1) % 3 : cloud}`];
  });
}

describe('doubted labels', () => {
  it('are those whose neighbours have another, the least supported first', async () => {
    const wrong = new Set([4, 50, 77, 101]);
    const pool = poolOf(clouds(1, wrong));
    const found = await doubted(pool, 10);
    expect(new Set(found.map(({ row }) => row))).toEqual(wrong);
    const { names } = labelsOf(pool);
    expect(found.map(({ likelier }) => names[likelier])).toEqual(found.map(({ row }) => `label ${row % 3}`));
  });

  it('are the same rows whatever the labels are called and however the rows lie', async () => {
    const wrong = new Set([0, 31, 32, 90]);
    const rows = clouds(2, wrong);
    const plain = (await doubted(poolOf(rows), 10)).map(({ row }) => row);
    const renamed = rows.map(([point, label]): Row => [point, { 'label 0': 'z', 'label 1': 'y' }[label] ?? 'x']);
    expect((await doubted(poolOf(renamed), 10)).map(({ row }) => row)).toEqual(plain);
    const turned = await doubted(poolOf(rows.toReversed()), 10);
    expect(turned.map(({ row }) => 119 - row).sort()).toEqual(plain.toSorted());
    expect(plain).toHaveLength(4);
  });

  it('begin with equal items of other labels: those that lack the label of most', async () => {
    const rows = clouds(3, new Set([7]));
    const same: Row[] = [
      [[0.5, 0.5], 'label 0', 'one  text'],
      [[0.5, 0.5], 'label 0', 'One text'],
      [[0.5, 0.5], 'label 2', 'one text '],
    ];
    const pool = poolOf([...rows, ...same]);
    const found = await doubted(pool, 10);
    expect(found.map(({ row, reason }) => [row, reason])).toEqual([
      [122, 'same-item'],
      [7, 'neighbours'],
    ]);
    // Of images the item itself counts, not how it is written.
    expect((await doubted({ ...pool, modality: 'image' }, 10)).map(({ reason }) => reason)).not.toContain('same-item');
  });

  it('of equal items as many of each label are those that the neighbours do not support', async () => {
    const pool = poolOf([...clouds(4, new Set()), [[0.5, 0.5], 'label 1', 'x'], [[0.5, 0.5], 'label 0', 'X']]); // prettier-ignore
    const found = await doubted(pool, 10);
    expect(found.map(({ row }) => row)).toEqual([120]);
  });

  it('go by the share of the own label, then by that of the other', () => {
    const votes = {
      own: Float64Array.of(0.2, 0, 0, 0.4, 0.1),
      rival: Int32Array.of(1, 1, 1, 1, 1),
      rivalShare: Float64Array.of(0.8, 0.6, 1, 0.3, 0.9),
      judged: new Uint8Array(5).fill(1),
    };
    const found = doubtedRows(votes, { names: ['a', 'b'], of: new Int32Array(5) }, []);
    expect(found.map(({ row }) => row)).toEqual([2, 1, 4, 0]);
  });

  it('are confident where the other label gets what its own rows get on average', () => {
    const votes = {
      own: Float64Array.of(0.9, 0.2, 0.3, 0.6, 0.8),
      rival: Int32Array.of(1, 1, 1, 0, 0),
      rivalShare: Float64Array.of(0.1, 0.7, 0.6, 0.4, 0.2),
      judged: new Uint8Array(5).fill(1),
    };
    const labels = { names: ['a', 'b'], of: Int32Array.of(0, 0, 0, 1, 1) };
    const expected = expectedShares(votes, labels);
    expect(expected[0]).toBeCloseTo(1.4 / 3, 12);
    expect(expected[1]).toBeCloseTo(0.7, 12);
    const { examples } = poolOf([0, 1, 2, 3, 4].map((x) => [[x], 'a'] as const));
    const { count, confident, first, byReason } = labelDoubts({ examples }, labels, votes, [], 1);
    expect({ count, confident, byReason }).toEqual({
      ...{ count: 2, confident: 1 },
      byReason: { 'same-item': 0, neighbours: 2 },
    });
    expect(first).toEqual([
      {
        ...{ id: 'r1', label: 'a', input: 'text 1', likelier: 'b', reason: 'neighbours' },
        ...{ own: 0.2, other: 0.7, confident: true },
      },
    ]);
  });
});
