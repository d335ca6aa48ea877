/** Token states one by one: what scene understanding takes a patch's feature from. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Encoder, Prepared } from '../../src/encoders/encoder.js';
import type { EngineOptions } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import { eachToken, tokensOf, type States } from '../../src/engine/states.js';
import { assertTokenwise } from '../../src/engine/tokenwise.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { mediaEncoder, type MediaItems } from '../support/media-encoder.js';
import { openEngines } from '../support/open-engines.js';

type Family = MediaItems & { readonly tokens: number; readonly states: GoldenArray };
const vit = readGolden('media/vit/expected.json') as Family;
const clip = readGolden('media/clip/expected.json') as Family;
const VIT = fixture('media/vit/model.onnx');

const engineOf = openEngines();
const load = <P extends Prepared>(encoder: Encoder<P>, options: EngineOptions = {}): Promise<GradientEngine> =>
  engineOf(encoder, { threads: 1, ...options });

describe('states of each token', () => {
  it.each(['onnx', 'tfjs'] as const)('are those of PyTorch (%s)', async (name) => {
    const engine = await load(mediaEncoder(VIT, vit, 'mean'), { engine: name });
    expect(engine.info.tokenwise).toBe(true);
    const states = await engine.encode(['items/1', 'items/0']);
    await assertTokenwise(engine, states);
    const rows = Array.from({ length: 2 * vit.tokens }, (_, token) => [token]);
    const { pooled } = await (await engine.program({})).run(eachToken(states), rows);
    const expected = values(vit.states);
    const half = expected.length / 2;
    expect(relativeError(pooled, [...expected.slice(half), ...expected.slice(0, half)])).toBeLessThan(1e-5);
  });

  it('are not there of an encoder that keeps one token', async () => {
    const engine = await load(mediaEncoder(VIT, vit, 'first'));
    expect(engine.info).toMatchObject({ sliced: true, tokenwise: false });
    await expect(assertTokenwise(engine, await engine.encode(['items/0']))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      hint: 'Load the encoder with pooling "mean".',
    });
  });

  it('are not there where attention follows the target layer', async () => {
    const encoder = mediaEncoder(VIT, vit, 'mean');
    const [first] = await gradientSources(encoder);
    const engine = await load(encoder, { target: first!.name });
    expect(engine.info.tokenwise).toBe(false);
    await expect(assertTokenwise(engine, await engine.encode(['items/0']))).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
  });

  it('are not there of one vector an item', async () => {
    const engine = await load(mediaEncoder(fixture('media/clip/model.onnx'), clip, 'mean'), {
      output: 'pooler_output',
    });
    expect(engine.info.tokenwise).toBe(false);
  });

  it('are refused where one token alone comes out otherwise than among all', async () => {
    const engine = await load(mediaEncoder(VIT, vit, 'mean'));
    const states = await engine.encode(['items/0']);
    const odd: GradientEngine = {
      ...engine,
      info: engine.info,
      program: () =>
        Promise.resolve({
          run: (_, items) => {
            const pooled = new Float32Array(items.length * engine.info.dims).fill(items.length === 1 ? 1 : 2);
            return Promise.resolve({ pooled, loss: pooled, block: pooled, factors: [] });
          },
        }),
    };
    await expect(assertTokenwise(odd, states)).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
      details: { error: 0.5 },
    });
  });
});

describe('states', () => {
  const someStates = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }).map((tokens): States => {
    const offsets = Int32Array.from([0, ...tokens.map((_, i) => tokens.slice(0, i + 1).reduce((a, b) => a + b))]);
    const total = offsets.at(-1)!;
    const tensors = [2, 3].map((width) => Float32Array.from({ length: total * width }, (_, i) => i + width / 10));
    return { offsets, tensors, widths: [2, 3], truncated: Uint8Array.from(tokens, (count) => count % 2) };
  });
  it('are parted into tokens without a copy', () => {
    fc.assert(
      fc.property(someStates, (states) => {
        const tokens = eachToken(states);
        expect([tokens.tensors, tokens.widths]).toEqual([states.tensors, states.widths]);
        expect(tokens.tensors).toBe(states.tensors);
        const count = states.offsets.at(-1)!;
        expect([...tokens.offsets]).toEqual(Array.from({ length: count + 1 }, (_, i) => i));
        const own = [...states.truncated].flatMap((flag, item) => new Array<number>(tokensOf(states, item)).fill(flag));
        expect([...tokens.truncated]).toEqual(own);
      }),
      { seed: 3, numRuns: 50 },
    );
  });
});
