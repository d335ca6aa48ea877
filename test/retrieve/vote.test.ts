import { describe, expect, it } from 'vitest';
import { majorityVote } from '../../src/retrieve/vote.js';

const at = (label: string, distance: number) => ({ label, distance });

describe('majorityVote', () => {
  it('takes the label with most votes, however far', () => {
    const vote = majorityVote([at('near', 0), at('far', 8), at('far', 9)]);
    expect(vote).toMatchObject({ label: 'far', votes: 2, total: 3 });
  });

  it('breaks a tie for the label whose nearest member is nearest', () => {
    const vote = majorityVote([at('b', 1), at('a', 2), at('a', 3), at('b', 4)]);
    expect(vote.label).toBe('b');
    expect(vote.ranking).toEqual([
      { label: 'b', votes: 2, nearest: 1 },
      { label: 'a', votes: 2, nearest: 2 },
    ]);
  });

  it('breaks a tie by name where that is asked for, as scikit-learn does', () => {
    const tied = [at('b', 1), at('a', 2), at('a', 3), at('b', 4)];
    expect(majorityVote(tied, 'name').label).toBe('a');
  });

  it('breaks a tie by the place in a list of labels, as scikit-learn does with class numbers', () => {
    const tied = [at('a', 1), at('b', 2), at('c', 3), at('c', 4), at('b', 5), at('a', 6)];
    const order = (list: readonly string[]): string[] => majorityVote(tied, list).ranking.map(({ label }) => label);
    expect(order(['c', 'a', 'b'])).toEqual(['c', 'a', 'b']);
    expect(order(['b'])).toEqual(['b', 'a', 'c']); // What is not listed comes after, by name.
    expect(majorityVote([at('a', 1), at('b', 2), at('b', 3)], ['a', 'b']).label).toBe('b');
  });

  it('keeps the order of appearance when even that is equal', () => {
    expect(majorityVote([at('z', 1), at('a', 1)]).label).toBe('z');
  });

  it('refuses to name a winner when nobody votes', () => {
    expect(() => majorityVote([])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
