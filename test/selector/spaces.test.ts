/** Which spaces an index has: by hand, on rows of two parts. */
import { describe, expect, it } from 'vitest';
import { spacesOf, STORED, type Space } from '../../src/selector/spaces.js';
import type { Manifest } from '../../src/store/manifest.js';

type Facts = Pick<Manifest, 'metric' | 'reducer' | 'auto'>;

/** One direction that tells labels apart, two that do not. */
const blend = (selection: number, vote: number): Facts => ({
  metric: 'cosine',
  reducer: {
    ...{ kind: 'blend', dims: 3, limit: 8, supervised: 1 },
    unsupervised: { dims: 2, explained: 1, centredOnly: false, first: 0 },
    shares: { selection, vote },
    shrinkage: { value: 0.5, chosen: 'auto', scores: [] },
  },
});

/** The same, chosen on the examples. */
const chosen = (selection: number, vote: number, voters: number): Facts => {
  const gain = { difference: 0, low: 0, high: 0 };
  const expected = { rows: 9, accuracy: 1, embedding: 1, gain, shown: 20, labelHit: 1, embeddingLabelHit: 1 };
  const choice = { tried: ['kl'], skipped: [], losses: [], voters, expected, queryMs: { chosen: 1, embedding: 1 } };
  return { ...blend(selection, vote), auto: { features: {}, choice } };
};

/** Two vectors as they are stored: each part of squared length ½. */
const ROOT = Math.SQRT1_2;
const vectors = Float32Array.of(ROOT, ROOT, 0, -ROOT, 0.5, 0.5);
const near = (values: readonly number[]): unknown => values.map((value) => expect.closeTo(value, 5) as unknown);
const queriesOf = (space: Space): number[] => [...space.queries(vectors)];
const rowsOf = (space: Space): number[] => [...space.rows(vectors)];

/** Queries have their parts times 2s and 2(1 − s), rows times the roots of these. */
const at = (one: number, other: number): unknown =>
  near([one * ROOT, other * ROOT, 0, -one * ROOT, other * 0.5, other * 0.5]);

describe('the spaces of an index', () => {
  it.each<[string, Facts]>([
    ['pca', { metric: 'l2', reducer: { kind: 'pca', dims: 3, explained: 1, centredOnly: false } }],
    ['pca by cosine', { metric: 'cosine', reducer: { kind: 'pca', dims: 3, explained: 1, centredOnly: false } }],
    ['none', { metric: 'l2', reducer: { kind: 'none', dims: 3 } }],
    [
      'lda',
      {
        metric: 'cosine',
        reducer: { kind: 'lda', dims: 3, limit: 8, shrinkage: { value: 0.5, chosen: 'given', scores: [] } },
      },
    ],
    [
      'a PCA in place of a choice',
      {
        metric: 'l2',
        reducer: { kind: 'pca', dims: 3, explained: 1, centredOnly: false, instead: { of: 'auto', why: 'no labels' } },
        auto: { features: {} },
      },
    ],
  ])('are one, that of the stored rows, by %s', (_, facts) => {
    expect(spacesOf(facts)).toEqual({
      metric: facts.metric,
      ...{ selection: STORED, vote: undefined, underFloor: STORED, plain: STORED },
    });
    expect(STORED.queries(vectors)).toBe(vectors);
    expect(STORED.rows(vectors)).toBe(vectors);
  });

  it('are those of its two shares, by a blend', () => {
    const { metric, selection, vote, underFloor } = spacesOf(blend(0.25, 0.75));
    expect(metric).toBe('product');
    expect(queriesOf(selection)).toEqual(at(0.5, 1.5));
    expect(rowsOf(selection)).toEqual(at(Math.sqrt(0.5), Math.sqrt(1.5)));
    expect(queriesOf(vote!.space)).toEqual(at(1.5, 0.5));
    expect(rowsOf(vote!.space)).toEqual(at(Math.sqrt(1.5), Math.sqrt(0.5)));
    // As many as are asked for vote, and a floor of labels changes nothing.
    expect(vote).not.toHaveProperty('voters');
    expect(underFloor).toBe(selection);
  });

  it('are one where a blend chooses and votes by one share', () => {
    const { selection, vote, underFloor } = spacesOf(blend(0.75, 0.75));
    expect(vote).toBeUndefined();
    expect(queriesOf(selection)).toEqual(at(1.5, 0.5));
    expect(underFloor).toBe(selection);
  });

  it('take stored rows as they are at the share that these are stored at', () => {
    const { selection, vote } = spacesOf(blend(0.5, 1));
    expect(selection).toBe(STORED);
    expect(queriesOf(vote!.space)).toEqual(at(2, 0));
    expect(rowsOf(vote!.space)).toEqual(at(Math.SQRT2, 0));
  });

  it.each([
    ['a blend', blend(0.25, 0.75)],
    ['a choice', chosen(0.25, 0.75, 5)],
  ])('have one in which labels have no say, in %s', (_, facts) => {
    const { plain } = spacesOf(facts);
    expect(queriesOf(plain)).toEqual(at(0, 2));
    expect(rowsOf(plain)).toEqual(at(0, Math.SQRT2));
  });

  it.each([
    [0.25, 0.75],
    [0.35, 0.35],
  ])(
    'chosen by shares of %d and %d, have as many voters as were chosen, and choose where they vote under a floor',
    (selection, vote) => {
      const spaces = spacesOf(chosen(selection, vote, 5));
      expect(spaces.vote!.voters).toBe(5);
      expect(queriesOf(spaces.selection)).toEqual(at(2 * selection, 2 - 2 * selection));
      expect(queriesOf(spaces.vote!.space)).toEqual(at(2 * vote, 2 - 2 * vote));
      expect(spaces.underFloor).toBe(spaces.vote!.space);
    },
  );

  it('give as a product what the cosine at that share is', () => {
    const { selection } = spacesOf(blend(0.25, 1));
    const product = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Array.from(a).reduce((sum, value, j) => sum + value * b[j]!, 0);
    const [query, row] = [selection.queries(vectors.slice(0, 3)), vectors.slice(3)];
    // The labels' parts point opposite ways; the others' cosine is √½.
    expect(product(query, row)).toBeCloseTo(0.25 * -1 + 0.75 * ROOT, 5);
    expect(product(selection.rows(vectors.slice(0, 3)), selection.rows(row))).toBeCloseTo(-0.25 + 0.75 * ROOT, 5);
    expect(product(selection.queries(row), row)).toBeCloseTo(1, 5);
  });
});
