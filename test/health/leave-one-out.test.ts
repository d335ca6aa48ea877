import { describe, expect, it } from 'vitest';
import { leaveOneOut } from '../../src/health/leave-one-out.js';
import { graphOf, labelsOf, ownItems, poolOf } from './support.js';

describe('leave-one-out votes', () => {
  it('weigh a neighbour by exp(−2(d/d_k)²)', async () => {
    // Neighbours of the row at 0: a at 1, b at 2, weights e^(−2/4) and e^(−2).
    const pool = poolOf([[[0], 'a'], [[1], 'a'], [[2], 'b']]); // prettier-ignore
    const { own, rival, rivalShare, judged } = await leaveOneOut(
      await graphOf(pool, 2),
      labelsOf(pool),
      ownItems(pool),
    );
    const [near, far] = [Math.exp(-0.5), Math.exp(-2)];
    expect(own[0]).toBeCloseTo(near / (near + far), 12);
    expect(rivalShare[0]).toBeCloseTo(far / (near + far), 12);
    expect(rival[0]).toBe(1);
    // The row at 2 has no other of its label.
    expect([own[2], rival[2], rivalShare[2]]).toEqual([0, 0, 1]);
    expect([...judged]).toEqual([1, 1, 1]);
  });

  it('name the nearer of two labels with equal shares', async () => {
    const pool = poolOf([[[0], 'a'], [[0], 'c'], [[0], 'b']]); // prettier-ignore
    const { rival, rivalShare } = await leaveOneOut(await graphOf(pool, 2), labelsOf(pool), ownItems(pool));
    expect([rival[0], rivalShare[0]]).toEqual([1, 0.5]);
  });

  it('have no vote of an equal item, and judge nobody by itself alone', async () => {
    const pool = poolOf([[[0], 'a'], [[0], 'a'], [[9], 'b']]); // prettier-ignore
    const graph = await graphOf(pool, 1);
    const { own, rival, judged } = await leaveOneOut(graph, labelsOf(pool), Int32Array.of(0, 0, 2));
    expect([...judged]).toEqual([0, 0, 1]);
    expect([own[0], rival[0]]).toEqual([0, -1]);
  });
});
