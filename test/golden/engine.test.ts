/** The ONNX engine against PyTorch autograd in float64, on every form in which a BERT can be exported. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { denseProjection } from '../../src/features/dense-projection.js';
import { kl } from '../../src/losses/kl.js';
import type { Loss } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { Session } from '../../src/runtime/session.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { fixture, relativeError, values } from '../support/golden.js';
import { tinyBert, tinyBertArtefacts, tinyBertSigns, TINY_PROJECTED, type GradientCase } from '../support/tiny-bert.js';

const TOLERANCE = 1e-4;
const [D, VIEWS] = [32, 4];

const EXPORTS = [
  ['op17-erf', 'gelu'],
  ['op14-erf', 'gelu'],
  ['op17-sdpa', 'gelu'],
  ['op17-gemm', 'gelu'],
  ['op17-fused', 'gelu'],
  ['op17-session', 'gelu'],
  ['op20-gelu', 'gelu'],
  ['pooled', 'gelu'],
  ['op17-tanh', 'gelu_new'],
] as const;

function lossOf(testCase: GradientCase): Loss {
  const { mode, temperature } = testCase;
  return testCase.loss === 'kl'
    ? kl({ mode, temperature, latent: 24 })
    : simclr({ mode, temperature, latent: 16, views: VIEWS, negatives: 6 });
}

/** Σ_r δ_r ⊗ [x_r; 1] as [O, I+1]. */
function dense(delta: Float32Array, x: Float32Array, terms: number): Float64Array {
  const out = new Float64Array(D * (D + 1));
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < D; o++)
      for (let i = 0; i <= D; i++) out[o * (D + 1) + i]! += delta[r * D + o]! * (i === D ? 1 : x[r * D + i]!);
  return out;
}

function unitRows(rows: Float32Array, width: number): Float32Array {
  const lengths = rows.map((_, at) => (at % width === 0 ? Math.hypot(...rows.subarray(at, at + width)) : 0));
  return rows.map((value, at) => value / lengths[at - (at % width)]!);
}

describe.each(EXPORTS)('%s.onnx', (file, hiddenAct) => {
  const path = fixture(`fungi/tiny-bert/${file}.onnx`);
  const encoder = tinyBert.encoders.find((e) => e.hiddenAct === hiddenAct)!;

  it('has the token states of PyTorch, uncut and in one padded batch', async () => {
    const ids = idEncoder(path, 'first');
    const session = await Session.load(await readFile(path), file, { threads: 1 });
    const feeds = ids.collate(ids.prepare(tinyBert.texts.map(asItem)), session.inputNames);
    const { last_hidden_state: hidden } = await session.run(feeds, ['last_hidden_state']);
    await session.release();
    const padded = hidden.shape[1]!;
    encoder.lastHiddenState.forEach((golden, row) => {
      const own = (hidden.data as Float32Array).subarray(row * padded * D, (row * padded + golden.shape[0]!) * D);
      expect(relativeError(own, values(golden))).toBeLessThan(1e-5);
    });
    expect(encoder.lastHiddenState).toHaveLength(tinyBert.texts.length);
  });

  describe.each(['first', 'mean'] as const)('pooling %s', (pooling) => {
    let engine: GradientEngine;
    beforeAll(async () => {
      engine = await createEngine(idEncoder(path, pooling));
    });
    afterAll(() => engine.close());

    it('finds the last attention output projection, with its bias, and slices when one token is pooled', () => {
      expect(engine.info.target).toMatchObject({ outFeatures: D, inFeatures: D, bias: true });
      expect(engine.info.sliced).toBe(pooling === 'first');
    });

    it('pools what PyTorch pools', async () => {
      const states = await engine.encode(tinyBert.texts.map(asItem));
      const program = await engine.program({});
      const { pooled } = await program.run(
        states,
        tinyBert.texts.map((_, i) => [i]),
      );
      expect(relativeError(pooled, values(encoder.pooled[pooling]))).toBeLessThan(1e-5);
    });

    const cases = tinyBert.cases.filter((c) => c.hiddenAct === hiddenAct && c.pooling === pooling);
    it.each(cases.map((c) => [`${c.loss} ${c.mode} T=${c.temperature}`, c] as const))('%s', async (_, testCase) => {
      const items = testCase.loss === 'kl' ? tinyBert.texts.map((t) => [t]) : tinyBert.views;
      const states = await engine.encode(items.flat().map(asItem));
      let place = 0;
      const views = items.map((item) => item.map(() => place++));
      const program = await engine.program(
        { loss: lossOf(testCase), gradient: { kind: 'factors' } },
        tinyBertArtefacts(testCase.loss),
      );
      const result = await program.run(states, views);
      if (testCase.loss === 'simclr')
        expect(relativeError(result.pooled, values(encoder.viewPooled[pooling]))).toBeLessThan(1e-5);
      expect(relativeError(result.loss, values(testCase.value))).toBeLessThan(TOLERANCE);
      const gradients = values(testCase.gradient);
      result.factors.forEach(({ delta, x, terms }, item) => {
        const golden = gradients.subarray(item * D * (D + 1), (item + 1) * D * (D + 1));
        expect(relativeError(dense(delta, x, terms), golden)).toBeLessThan(TOLERANCE);
      });
      expect(result.factors).toHaveLength(items.length);
      const blocks = await denseProjection(engine.info.target, TINY_PROJECTED, tinyBertSigns)(result.factors);
      expect(relativeError(unitRows(blocks, TINY_PROJECTED), values(testCase.projected))).toBeLessThan(TOLERANCE);
    });
  });
});
