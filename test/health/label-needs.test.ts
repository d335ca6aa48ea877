import { describe, expect, it } from 'vitest';
import { labelAgreement } from '../../src/health/coverage.js';
import { labelNeeds, type LabelFindings } from '../../src/health/label-needs.js';
import type { LeaveOneOut } from '../../src/health/leave-one-out.js';
import type { Pool } from '../../src/health/pool.js';
import { graphOf, labelsOf, poolOf } from './support.js';

/** Votes of rows that are right, or taken for a label by number; undefined where nobody voted. */
const votesOf = (taken: readonly (number | 'right' | undefined)[]): LeaveOneOut => ({
  own: Float64Array.from(taken, (each) => (each === 'right' ? 1 : 0)),
  rival: Int32Array.from(taken, (each) => (typeof each === 'number' ? each : -1)),
  rivalShare: Float64Array.from(taken, (each) => (typeof each === 'number' ? 1 : 0)),
  judged: Uint8Array.from(taken, (each) => (each === undefined ? 0 : 1)),
});

async function needsOf(pool: Pool, k: number, votes: LeaveOneOut, top: number): Promise<LabelFindings> {
  const [graph, labels] = [await graphOf(pool, k), labelsOf(pool)];
  return labelNeeds(graph, labels, votes, { agreement: await labelAgreement(graph, labels), top });
}

describe('labels that need examples', () => {
  const labels = [...Array<string>(40).fill('a'), ...Array<string>(20).fill('b'), 'c', 'c'];
  const pool = poolOf(labels.map((label, x) => [[x], label] as const));
  const votes = votesOf([
    ...Array<'right'>(40).fill('right'),
    ...Array<'right'>(8).fill('right'),
    ...Array<number>(9).fill(0),
    ...Array<number>(3).fill(2),
    ...[1, undefined],
  ]);

  it('are too few, or taken for others more often than the pool is', async () => {
    const { needy, count, accuracy, first } = await needsOf(pool, 10, votes, 10);
    expect({ needy, count }).toEqual({ needy: 2, count: 3 });
    expect(accuracy).toBe(48 / 61);
    expect(first.map(({ label, rows, needs }) => [label, rows, needs])).toEqual([
      ['c', 2, ['few-rows']],
      ['b', 20, ['low-accuracy']],
      ['a', 40, []],
    ]);
    const [, b] = first;
    expect(b!.takenFor).toEqual([{ label: 'a', count: 9 }, { label: 'c', count: 3 }]); // prettier-ignore
    expect(b!.accuracy!.share).toBe(0.4);
    // Wilson's interval of 8 of 20.
    expect(b!.accuracy!.low).toBeCloseTo(0.2188, 4);
    expect(b!.accuracy!.high).toBeCloseTo(0.6134, 4);
    expect(first[0]!.accuracy!.share).toBe(0); // of the one that was judged
  });

  it('and the pairs are listed, the most frequent first, of all but as far as the list goes', async () => {
    const { confusions, first } = await needsOf(pool, 10, votes, 2);
    expect(confusions).toEqual({
      count: 3,
      first: [
        { label: 'b', takenFor: 'a', count: 9, of: 20 },
        { label: 'b', takenFor: 'c', count: 3, of: 20 },
      ],
    });
    expect(first).toHaveLength(2);
  });

  it('have the mean share of neighbours that agree', async () => {
    // Of the row at 39, the last a, five neighbours are a and five b; of the one at 40 likewise.
    const { first } = await needsOf(pool, 10, votes, 10);
    const [c, b, a] = first;
    expect(a!.agreement).toBeCloseTo((35 * 10 + 9 + 8 + 7 + 6 + 5) / 400, 12);
    expect(b!.agreement).toBeGreaterThan(c!.agreement);
  });

  it('are none where there is one label, or nobody is judged', async () => {
    const one = poolOf([[[0], 'a'], [[1], 'a']]); // prettier-ignore
    const found = await needsOf(one, 20, votesOf(['right', 'right']), 5);
    expect(found).toMatchObject({ needy: 0, accuracy: 1, confusions: { count: 0 } });
    const none = await needsOf(one, 20, votesOf([undefined, undefined]), 5);
    expect(none).toMatchObject({ needy: 0, accuracy: null, first: [{ accuracy: null }] });
  });
});
