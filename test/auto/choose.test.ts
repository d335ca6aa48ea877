import { describe, expect, it } from 'vitest';
import { choose, expected } from '../../src/auto/choose.js';
import type { Scores } from '../../src/auto/score-spaces.js';
import type { SpaceScores } from '../../src/auto/scores.js';
import { PLAIN, VOTERS, type CandidateSpace } from '../../src/auto/candidate-spaces.js';

const M = 100;
/** `count` of the first rows, or of all, spread evenly. */
const rows = (share: number): Float32Array => Float32Array.from({ length: M }, (_, row) => Number(row < share * M));
const scored = (space: CandidateSpace, right: number | Float32Array, hit: number | Float32Array = 1): SpaceScores => ({
  ...space,
  right: VOTERS.map(() => (typeof right === 'number' ? rows(right) : right)),
  hit: typeof hit === 'number' ? rows(hit) : hit,
});
const scores = (spaces: readonly SpaceScores[], folds = 2): Scores => ({
  spaces,
  shown: 20,
  mostVoters: 40,
  skipped: [],
  folds: Int32Array.from({ length: M }, (_, row) => row % folds),
});
const none: readonly string[] = [];
const kl: readonly string[] = ['kl'];
const space = (losses: readonly string[], share: number, shrinkage = 0.2): CandidateSpace => ({
  losses,
  share,
  shrinkage,
});
const plain = (right: number, hit = 1) => scored(PLAIN, right, hit);

describe('choose', () => {
  it('takes the space in which most rows get their label', () => {
    const found = choose(scores([plain(0.5), scored(space(none, 0.5), 0.7), scored(space(none, 0.25), 0.6)]));
    expect(found).toMatchObject({ losses: [], shrinkage: 0.2, shares: { vote: 0.5 } });
  });

  it('takes the number of voters that does best', () => {
    const own = scored(space(none, 0.5), 0.7);
    const right = VOTERS.map((k) => rows(k === 5 ? 0.8 : 0.7));
    expect(choose(scores([plain(0.5), { ...own, right }])).k).toBe(5);
  });

  it('takes no more voters than a label has on the average', () => {
    const own = scored(space(none, 0.5), 0.7);
    expect(choose({ ...scores([plain(0.5), own]), mostVoters: 4 }).k).toBe(3);
    expect(choose({ ...scores([plain(0.5), own]), mostVoters: 0 }).k).toBe(1);
  });

  it('of equals takes the larger shrinkage, the smaller share, and more voters', () => {
    const found = choose(
      scores([
        plain(0.5),
        scored(space(none, 0.5, 0.1), 0.7),
        scored(space(none, 0.25, 0.1), 0.7),
        scored(space(none, 0.5, 0.4), 0.7),
        scored(space(none, 0.25, 0.4), 0.7),
      ]),
    );
    expect(found).toMatchObject({ shrinkage: 0.4, shares: { vote: 0.25 }, k: VOTERS.at(-1) });
  });

  it('pays for gradients only where they are ahead by more than chance makes likely', () => {
    const [cheap, dear] = [scored(space(none, 0.5), 0.7), scored(space(kl, 0.5), 0.72)];
    // Right on the rows of the cheap one and 2 more of 100: 0.02 with a standard error of 0.014.
    expect(choose(scores([plain(0.5), cheap, dear])).losses).toEqual(['kl']);
    // One row of 100 is as much as its standard error.
    expect(choose(scores([plain(0.5), cheap, scored(space(kl, 0.5), 0.71)])).losses).toEqual([]);
    // As many more, but 30 rows won and 28 lost: a standard error of 0.076.
    const apart = Float32Array.from({ length: M }, (_, row) => Number(row >= 28));
    expect(choose(scores([plain(0.5), cheap, scored(space(kl, 0.5), apart)])).losses).toEqual([]);
  });

  it('shows examples at the largest share that loses hardly any label hits', () => {
    const spaces = [
      plain(0.5, 0.98),
      scored(space(none, 1), 0.8, 0.9),
      scored(space(none, 0.5), 0.7, 0.98),
      scored(space(none, 0.25), 0.7, 0.98),
    ];
    expect(choose(scores(spaces)).shares).toEqual({ selection: 0.5, vote: 1 });
  });

  it('shows by the plain embedding where every share loses label hits', () => {
    const spaces = [plain(0.5, 1), scored(space(none, 1), 0.8, 0.9), scored(space(none, 0.5), 0.7, 0.95)];
    expect(choose(scores(spaces)).shares).toEqual({ selection: 0, vote: 1 });
  });

  it('votes by the plain embedding where that does best, with the best shrinkage of those that have a supervised part', () => {
    const spaces = [plain(0.9), scored(space(none, 0.5, 0.1), 0.8), scored(space(none, 0.5, 0.4), 0.7)];
    expect(choose(scores(spaces))).toMatchObject({ losses: [], shrinkage: 0.1, shares: { vote: 0 } });
  });
});

describe('expected', () => {
  it('scores each fold by the choice that the others make', () => {
    // In even rows one space is always right, in odd rows the other: whoever chooses on one half is wrong on the other.
    const even = Float32Array.from({ length: M }, (_, row) => Number(row % 2 === 0));
    const odd = even.map((value) => 1 - value);
    const found = expected(scores([plain(0), scored(space(none, 0.5, 0.1), even), scored(space(none, 0.5, 0.4), odd)]));
    expect(found).toMatchObject({ rows: M, accuracy: 0, embedding: 0 });
  });

  it('gives the gain over the plain embedding, by as many voters as do best there, with a paired interval', () => {
    const found = expected(scores([plain(0.5, 0.97), scored(space(none, 0.5), 0.7, 0.97)]));
    expect(found.accuracy).toBeCloseTo(0.7, 6);
    expect(found.embedding).toBeCloseTo(0.5, 6);
    // 20 of 100 rows differ, all in favour; with half a row each way and 102 rows: 20/102 = 0.1961, √(21 − 20²/102)/102 = 0.0405.
    expect(found.gain.difference).toBeCloseTo(0.2, 6);
    expect(found.gain.low).toBeCloseTo(0.1961 - 1.96 * 0.0405, 3);
    expect(found.gain.high).toBeCloseTo(0.1961 + 1.96 * 0.0405, 3);
    expect([found.labelHit, found.embeddingLabelHit].map((each) => each.toFixed(4))).toEqual(['0.9700', '0.9700']);
  });

  it('does not call a gain of 0 certain where no row differs', () => {
    const { gain } = expected(scores([plain(1), scored(space(none, 0.5), 1)]));
    expect(gain.difference).toBe(0);
    // One row that differs, among 102.
    expect(gain.low).toBeCloseTo(-1.96 / 102, 4);
    expect(gain.high).toBeCloseTo(1.96 / 102, 4);
  });
});
