/** States of all tokens of an encoder that is sliced: what other programs read of them, and what a loss of tokens is refused. */
import { describe, expect, it } from 'vitest';
import type { EngineOptions } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import { eachToken, firstTokens, tokensOf } from '../../src/engine/states.js';
import { ibot } from '../../src/losses/ibot.js';
import { kl } from '../../src/losses/kl.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { mediaEncoder, type MediaItems } from '../support/media-encoder.js';
import { openEngines } from '../support/open-engines.js';
import type { Pooling } from '../../src/encoders/encoder.js';

type Family = MediaItems & { readonly tokens: number; readonly states: GoldenArray };
const ITEMS = ['items/1', 'items/0', 'views/0/2'];
const loss = ibot({ globals: 1, locals: 0, patches: 1, latent: 8 });

const engineOf = openEngines();
async function load(family: string, pooling: Pooling, options: EngineOptions = {}): Promise<[GradientEngine, Family]> {
  const golden = readGolden(`media/${family}/expected.json`) as Family;
  const encoder = mediaEncoder(fixture(`media/${family}/model.onnx`), golden, pooling);
  return [await engineOf(encoder, { threads: 1, ...options }), golden];
}

describe('states of all tokens', () => {
  it.each(['onnx', 'tfjs'] as const)('are those of PyTorch, though pooling reads one (%s)', async (engineName) => {
    const [engine, golden] = await load('vit', 'first', { engine: engineName });
    expect(engine.info).toMatchObject({ sliced: true, tokensPerItem: 1, tokensMade: golden.tokens });
    const states = await engine.encode(['items/0', 'items/1'], undefined, 'tokens');
    expect(tokensOf(states, 0)).toBe(golden.tokens);
    const places = Array.from({ length: 2 * golden.tokens }, (_, token) => [token]);
    const { pooled } = await (await engine.program({})).run(eachToken(states), places);
    expect(relativeError(pooled, values(golden.states))).toBeLessThan(1e-5);
  });

  it.each([
    ['vit', 'first', 1],
    ['deit', 'mean:0:2', 2],
  ] as const)(
    'give other programs of %s, pooling %s, what the tokens of pooling alone do',
    async (family, pooling, A) => {
      const [engine] = await load(family, pooling);
      const program = await engine.program({
        loss: kl({ mode: 'paper', head: 'none' }),
        gradient: { kind: 'factors' },
      });
      const places = ITEMS.map((_, i) => [i]);
      const few = await program.run(await engine.encode(ITEMS), places);
      const all = await program.run(await engine.encode(ITEMS, undefined, 'tokens'), places);
      expect(all.factors.map(({ terms }) => terms)).toEqual([A, A, A]);
      expect(relativeError(all.pooled, few.pooled)).toBeLessThan(1e-6);
      all.factors.forEach(({ delta, x }, i) => {
        expect(relativeError(x, few.factors[i]!.x)).toBeLessThan(1e-6);
        expect(relativeError(delta, few.factors[i]!.delta)).toBeLessThan(1e-4);
      });
    },
  );

  it('are the ones of the same encoder where nothing is sliced', async () => {
    const [engine, golden] = await load('vit', 'mean');
    const [kept, all] = [await engine.encode(ITEMS), await engine.encode(ITEMS, undefined, 'tokens')];
    expect(all).toEqual(kept);
    expect(firstTokens(all, golden.tokens)).toBe(all);
    expect(firstTokens(all, 1).offsets).toEqual(Int32Array.from([0, 1, 2, 3]));
  });
});

describe('a loss of tokens', () => {
  it('is refused states of whole items', async () => {
    const [engine] = await load('vit', 'mean');
    const program = await engine.program({ loss });
    await expect(program.run(await engine.encode(['items/0']), [[0, 0, 0, 0]])).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });

  it.each([
    ['an attention follows the target', 'vit', 'mean', {}],
    ['the output is one vector', 'clip', 'first', { output: 'pooler_output' }],
  ] as const)('is refused where %s', async (why, family, pooling, options) => {
    const golden = readGolden(`media/${family}/expected.json`) as Family;
    const encoder = mediaEncoder(fixture(`media/${family}/model.onnx`), golden, pooling);
    const [first] = await gradientSources(encoder);
    const target = why.startsWith('an attention') ? { target: first!.name } : {};
    const [engine] = await load(family, pooling, { ...options, ...target });
    await expect(engine.program({ loss })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
  });
});
