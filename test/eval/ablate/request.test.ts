/** What is asked for, and the paper's tables and figures. */
import { describe, expect, it } from 'vitest';
import { ablationRequest, type WrittenRequest } from '../../../src/eval/ablate/request.js';

const summary = (written: WrittenRequest): object => {
  const { factors, ...rest } = ablationRequest(written);
  return { ...rest, factors: Object.fromEntries(factors.map(({ name, levels }) => [name, levels.join()])) };
};
const KL = { common: {}, cross: false, loss: 'kl', timed: false };

describe('ablationRequest', () => {
  it.each<[WrittenRequest, object]>([
    [
      { table: '6' },
      { ...KL, cross: true, features: ['only:kl'], factors: { head: 'linear,none', normalise: 'true,false' } },
    ],
    [
      { table: '18' },
      {
        ...{ ...KL, loss: 'dino', features: ['only:dino'] },
        factors: { heads: 'independent,shared', augmentation: 'crops,standard' },
      },
    ],
    [
      { table: '19' },
      {
        ...KL,
        common: { projection: 'binary', reducer: 'none' },
        features: ['embedding', 'kl'],
        factors: { projection: 'binary,gaussian,sparse' },
      },
    ],
    [{ table: '20' }, { ...KL, features: ['embedding', 'kl'], factors: { reducer: 'pca,none' } }],
    [
      { table: '21' },
      { ...KL, features: ['embedding', 'kl'], factors: { reducer: 'none,pca,binary,gaussian,sparse' } },
    ],
    [{ figure: '8' }, { ...KL, features: ['only:kl'], factors: { layer: 'all' } }],
    [
      { figure: '12' },
      { ...KL, loss: 'simclr', timed: true, features: ['only:simclr'], factors: { views: '2,4,8,12' } },
    ],
    [
      { table: '6', loss: 'simclr' },
      {
        ...{ ...KL, loss: 'simclr', cross: true, features: ['only:simclr'] },
        factors: { head: 'linear,none', normalise: 'true,false' },
      },
    ],
    [
      { table: '20', features: ['embedding', 'kl', 'kl+simclr'], common: ['mode=reference'] },
      {
        ...KL,
        common: { mode: 'reference' },
        features: ['embedding', 'kl', 'kl+simclr'],
        factors: { reducer: 'pca,none' },
      },
    ],
    [{ vary: ['head=none'] }, { ...KL, features: ['only:kl', 'kl'], factors: { head: 'none' } }],
    [
      { vary: ['head=none', 'features=embedding'] },
      { ...KL, features: ['kl'], factors: { head: 'none', features: 'embedding' } },
    ],
    [
      { vary: ['head=none'], common: ['features=only:kl'] },
      { ...KL, common: { features: 'only:kl' }, features: ['only:kl'], factors: { head: 'none' } },
    ],
  ])('%j', (written, expected) => {
    expect(summary(written)).toEqual(expected);
  });

  it('lets what is given override what a table has', () => {
    expect(summary({ table: '19', common: ['reducer=pca'] })).toMatchObject({
      common: { projection: 'binary', reducer: 'pca' },
    });
  });

  it.each<[WrittenRequest, RegExp]>([
    [{}, /must be said once/],
    [{ vary: ['head=none'], table: '6' }, /must be said once/],
    [{ table: '6', figure: '8' }, /must be said once/],
    [{ table: '18', loss: 'kl' }, /table 18 is about dino, and the loss is kl/],
    [{ table: '5' }, /table 5 of the paper is no ablation/],
    [{ figure: '6' }, /figure 6 of the paper is no ablation/],
    [{ figure: '12', loss: 'kl' }, /figure 12 is about simclr, and the loss is kl/],
    [{ vary: ['features=kl'], features: ['kl'] }, /say the same thing/],
    [{ vary: ['head=none'], features: ['kl', 'kl'] }, /"kl" is given twice/],
    [{ vary: [] }, /must be said once/],
  ])('refuses %j', (written, message) => {
    const ask = (): unknown => ablationRequest(written);
    expect(ask).toThrow(message);
    expect(ask).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });
});
