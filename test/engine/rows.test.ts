/** Equal views of an item share a row of the tail: the same numbers as one row a view, for less work. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import type { Factors, ProgramSpec } from '../../src/engine/engine.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { distinctRows, rowFeeds } from '../../src/engine/rows.js';
import { simclr } from '../../src/losses/simclr.js';
import { fixture, relativeError } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { tinyBert, tinyBertArtefacts } from '../support/tiny-bert.js';

const D = 32;
const loss = simclr({ mode: 'paper', latent: 16, views: 4, negatives: 6 });

/** Four strings; the items' views repeat them within an item and across items. */
const strings = tinyBert.texts.slice(0, 4).map(asItem);
const items = [
  [0, 1, 0, 0],
  [2, 2, 2, 3],
  [0, 1, 2, 3],
  [3, 0, 3, 0],
];

function dense({ delta, x, terms }: Factors): Float64Array {
  const out = new Float64Array(D * D);
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < D; o++) for (let i = 0; i < D; i++) out[o * D + i]! += delta[r * D + o]! * x[r * D + i]!;
  return out;
}

describe.each<Pooling>(['first', 'mean'])('pooling %s', (pooling) => {
  let engine: GradientEngine;
  beforeAll(async () => {
    engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), pooling));
  });
  afterAll(() => engine.close());

  /** Once with equal views in one place, once with a place for every view. */
  const both = async (spec: ProgramSpec, artefacts = tinyBertArtefacts('simclr')) => {
    const program = await engine.program(spec, artefacts);
    const shared = await program.run(await engine.encode(strings), items);
    const apart = await program.run(
      await engine.encode(items.flat().map((place) => strings[place]!)),
      items.map((views, item) => views.map((_, view) => item * views.length + view)),
    );
    return { shared, apart };
  };

  it('gives the loss, f(x) and gradient of one row a view, from fewer terms', async () => {
    const { shared, apart } = await both({ loss, gradient: { kind: 'factors' } });
    expect(relativeError(shared.loss, apart.loss)).toBeLessThan(1e-5);
    expect(relativeError(shared.pooled, apart.pooled)).toBeLessThan(1e-5);
    shared.factors.forEach((factors, item) => {
      const [whole, reference] = [dense(factors), dense(apart.factors[item]!)];
      expect(relativeError(whole, reference)).toBeLessThan(1e-4);
      const fewer = distinctRows(items[item]!).length < items[item]!.length;
      expect(factors.terms < apart.factors[item]!.terms).toBe(fewer);
    });
  });

  it('gives the projected gradient of one row a view', async () => {
    const [count, rank] = [5, 2];
    const draw = (size: number, seed: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(seed + 7 * i));
    const J = count * rank;
    const { shared, apart } = await both(
      { loss, gradient: { kind: 'bilinear', count, rank } },
      {
        ...tinyBertArtefacts('simclr'),
        'fungi.left': { data: draw(D * J, 1), shape: [D, J] },
        'fungi.right': { data: draw(D * J, 2), shape: [D, J] },
        'fungi.bias': { data: draw(J, 3), shape: [J] },
      },
    );
    expect(shared.block).toHaveLength(items.length * count);
    expect(relativeError(shared.block, apart.block)).toBeLessThan(1e-4);
  });
});

describe('rowFeeds', () => {
  it('takes rows to views, and adds up an item’s own rows', () => {
    const feeds = rowFeeds([
      [7, 4, 7],
      [4, 4, 4],
    ]);
    const { 'fungi.views': views, 'fungi.items': owned } = feeds;
    expect(views!.shape).toEqual([6, 3]);
    expect([...views!.data]).toEqual([1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1]);
    expect(owned!.shape).toEqual([2, 3]);
    expect([...owned!.data]).toEqual([1, 1, 0, 0, 0, 1]);
  });
});
