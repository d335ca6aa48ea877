import { describe, expect, it } from 'vitest';
import { iclSelectors, iclTitles } from '../../../src/eval/icl/icl-selectors.js';
import { POOL } from './support.js';

const options = { pool: POOL, pools: [{ seed: 0, shots: null, rows: POOL.map((_, row) => row) }] };
const engine = (): Promise<never> => Promise.reject(new Error('no engine is needed'));

describe('names', () => {
  it('keep their order, none among them', async () => {
    const names = ['random', 'none', 'mine=python3 x.py', 'bm25'];
    expect(iclTitles(names)).toEqual(['random', 'none', 'mine', 'bm25']);
    const selectors = await iclSelectors(names, options, engine);
    expect(selectors.map(({ name }) => name)).toEqual(['random', 'none', 'mine', 'bm25']);
    expect(iclTitles(['none'])).toEqual(['none']);
    await expect(iclSelectors(['none', 'kl'], options, engine)).rejects.toThrow('no engine is needed');
  });

  it.each([
    [[], 'there are no selectors to compare'],
    [['none', 'bm25', 'none'], 'selector "none" is given twice'],
    [['none=cat'], 'a program cannot be called "none": that is a selector of its own'],
    [['none', 'nearest'], '"nearest" is not a selector'],
    [['none', 'bm25', 'bm25'], 'selector "bm25" is given twice'],
  ])('%j are refused', async (names, message) => {
    expect(() => iclTitles(names)).toThrow(message);
    await expect(iclSelectors(names, options, engine)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message,
    });
  });
});

it('none chooses nothing', async () => {
  const [none] = await iclSelectors(['none'], options, engine);
  expect(await none!.select({ pool: POOL, queries: ['a', 'b'], k: 3, seed: 0, shots: null })).toEqual([[], []]);
});
