/** Factors and levels as they are written, and what is refused. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FACTORS, parseFactors, parseValues, type FactorName } from '../../../src/eval/ablate/factors.js';

describe('parseFactors', () => {
  it('reads factors with their levels, in the order given', () => {
    expect(parseFactors(['head=none,linear', 'temperature=15,1e-1,50'], 'kl')).toEqual([
      { name: 'head', levels: ['none', 'linear'] },
      { name: 'temperature', levels: ['15', '0.1', '50'] },
    ]);
  });

  it.each([
    ['reducer=random,none', ['binary', 'none']],
    ['projection=dense,nystrom', ['binary', 'nystrom']],
    ['features=embedding+kl,only:simclr+kl,embedding', ['kl', 'only:kl+simclr', 'embedding']],
    ['temperature=1.50', ['1.5']],
  ])('has one spelling of each level: %s', (text, levels) => {
    expect(parseFactors([text], 'kl')[0]!.levels).toEqual(levels);
  });

  it.each([
    [['size=1'], /no factor "size"/],
    [['head'], /"" is no level of head/],
    [['head='], /"" is no level of head/],
    [['head=linear,'], /"" is no level of head/],
    [['=linear'], /no factor ""/],
    [[''], /no factor ""/],
    [['head=cubic'], /"cubic" is no level of head/],
    [['normalise=yes'], /no level of normalise/],
    [['temperature=0'], /no level of temperature/],
    [['temperature=-1'], /no level of temperature/],
    [['temperature=warm'], /no level of temperature/],
    [['temperature=1e999'], /no level of temperature/],
    [['dims=1.5'], /no level of dims/],
    [['width=0'], /no level of width/],
    [['head=linear,linear'], /levels of head: "linear" is given twice/],
    [['reducer=random,binary'], /levels of reducer: "binary" is given twice/],
    [['temperature=1,1.0'], /"1" is given twice/],
    [['head=linear', 'head=none'], /factors: "head" is given twice/],
    [['views=4'], /views is a setting of simclr, and the loss is kl/],
    [['features=byol'], /"byol" is not a feature set/],
  ])('refuses %j', (texts, message) => {
    const parse = (): unknown => parseFactors(texts, 'kl');
    expect(parse).toThrow(message);
    expect(parse).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });

  it('has the settings of SimCLR for SimCLR', () => {
    expect(parseFactors(['views=2,12', 'deletion=0.2', 'negatives=64'], 'simclr').map(({ name }) => name)).toEqual([
      'views',
      'deletion',
      'negatives',
    ]);
    expect(() => parseFactors(['views=1'], 'simclr')).toThrow(/no level of views/);
    expect(() => parseFactors(['deletion=1'], 'simclr')).toThrow(/no level of deletion/);
  });

  it('has the settings of DINO for DINO, which has no one temperature', () => {
    expect(parseFactors(['heads=shared,independent', 'augmentation=standard'], 'dino')).toEqual([
      { name: 'heads', levels: ['shared', 'independent'] },
      { name: 'augmentation', levels: ['standard'] },
    ]);
    expect(() => parseFactors(['heads=two'], 'dino')).toThrow(/no level of heads/);
    expect(() => parseFactors(['heads=shared'], 'kl')).toThrow(/heads is a setting of dino, and the loss is kl/);
    expect(() => parseFactors(['temperature=1'], 'dino')).toThrow(/temperature is a setting of kl and simclr, and/);
  });

  it('reads what it has written again', () => {
    const NUMERIC: FactorName[] = ['temperature', 'weight'];
    fc.assert(
      fc.property(
        fc.constantFrom(...NUMERIC),
        fc.uniqueArray(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 5 }),
        (name, numbers) => {
          const [first] = parseFactors([`${name}=${numbers.join(',')}`], 'kl');
          expect(first!.levels.map(Number)).toEqual(numbers);
          expect(parseFactors([`${name}=${first!.levels.join(',')}`], 'kl')).toEqual([first]);
        },
      ),
    );
  });

  it('refuses any other name', () => {
    fc.assert(
      fc.property(
        fc.string().filter((name) => !Object.hasOwn(FACTORS, name.split('=')[0]!)),
        (name) => {
          expect(() => parseFactors([name], 'kl')).toThrow(/there is no factor/);
        },
      ),
    );
  });
});

describe('parseValues', () => {
  it('gives one level a factor', () => {
    expect(parseValues(['reducer=none', 'projection=dense'], 'kl')).toEqual({ reducer: 'none', projection: 'binary' });
    expect(parseValues([], 'kl')).toEqual({});
    expect(() => parseValues(['reducer=none,pca'], 'kl')).toThrow(/reducer is to stay as it is/);
  });
});
