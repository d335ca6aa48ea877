import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { voteK, type CandidateGraph } from '../../src/health/vote-k.js';

/** The paper's loop, word for word: every score anew in every round, as exact as integers are. */
function plain({ candidates, pooled }: CandidateGraph, count: number): number[] {
  const chosen: number[] = [];
  const most = Math.max(...candidates.map((each, v) => each.length + pooled[v]!));
  while (chosen.length < Math.min(count, candidates.length)) {
    const scores = candidates.map((_, u) => {
      if (chosen.includes(u)) return -1n;
      let sum = 0n;
      candidates.forEach((neighbours, v) => {
        if (chosen.includes(v) || !neighbours.includes(u)) return;
        const labelled = pooled[v]! + neighbours.filter((w) => chosen.includes(w)).length;
        sum += 10n ** BigInt(most - labelled);
      });
      return sum;
    });
    chosen.push(scores.reduce((best, score, u) => (score > scores[best]! ? u : best), 0));
  }
  return chosen;
}

const graphs = fc.integer({ min: 1, max: 12 }).chain((m) =>
  fc.record({
    candidates: fc.tuple(
      ...Array.from({ length: m }, (_, v) =>
        fc.uniqueArray(
          fc.integer({ min: 0, max: m - 1 }).filter((u) => u !== v),
          { maxLength: Math.min(4, m - 1) },
        ),
      ),
    ),
    pooled: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: m, maxLength: m }),
  }),
);

describe('vote-k', () => {
  it('chooses who has most votes, then one that those voters do not see yet', async () => {
    // 1, 2 and 3 vote for 0; 5 for 4; 0 for 1.
    const graph = { candidates: [[1], [0], [0], [0], [], [4]], pooled: [0, 0, 0, 0, 0, 0] };
    expect(await voteK(graph, 2)).toEqual([
      { candidate: 0, votes: 3, score: 3 },
      { candidate: 4, votes: 1, score: 1 },
    ]);
  });

  it('cares less for what the pool covers', async () => {
    // Three voters of 0 have two examples of the pool beside them, the one voter of 4 has none.
    const graph = { candidates: [[], [0], [0], [0], [], [4]], pooled: [0, 2, 2, 2, 0, 0] };
    expect((await voteK(graph, 2)).map(({ candidate }) => candidate)).toEqual([4, 0]);
  });

  it('takes ten tenths of a vote for a whole one: the earlier candidate is chosen', async () => {
    const tenths = Array.from({ length: 10 }, () => [0]);
    const graph = { candidates: [[], [], ...tenths, [1]], pooled: [0, 0, ...tenths.map(() => 1), 0] };
    expect((await voteK(graph, 2)).map(({ candidate, score }) => [candidate, score])).toEqual([
      [0, 1],
      [1, 1],
    ]);
  });

  it('is the plain loop', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, fc.integer({ min: 1, max: 12 }), async (graph, count) => {
        const found = (await voteK(graph, count)).map(({ candidate }) => candidate);
        expect(found).toEqual(plain(graph, count));
        expect(new Set(found).size).toBe(found.length);
      }),
    );
  });

  it('tells the score that each was chosen by, which falls as the voters see what is labelled', async () => {
    // 1, 2 and 3 vote for 0 and see 4 too; with 0 chosen, each of their votes for 4 is worth a tenth.
    const graph = { candidates: [[], [0, 4], [0, 4], [0, 4], []], pooled: [0, 0, 0, 1, 0] };
    const chosen = await voteK(graph, 5);
    expect(chosen.slice(0, 2)).toEqual([
      { candidate: 0, votes: 3, score: 2.1 },
      { candidate: 4, votes: 3, score: expect.closeTo(0.21, 12) as number },
    ]);
    await fc.assert(
      fc.asyncProperty(graphs, async (each) => {
        const scores = (await voteK(each, 12)).map(({ score }) => score);
        expect(scores).toEqual(scores.toSorted((a, b) => b - a));
      }),
    );
  });

  it('tells candidates apart whose neighbours are in the pool but for one', async () => {
    const graph = { candidates: [[], [0], [], [2]], pooled: [200, 200, 200, 199] };
    expect(await voteK(graph, 1)).toEqual([{ candidate: 2, votes: 1, score: 10 ** -199 }]);
  });
});
