/** Each image and audio encoder on both engines, against PyTorch autograd in float64. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Artefacts, Factors, GradientEngine, ProgramResult } from '../../src/engine/engine.js';
import type { EngineName } from '../../src/engine/tails.js';
import { denseProjection } from '../../src/features/dense-projection.js';
import { kl } from '../../src/losses/kl.js';
import type { Loss } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { mediaEncoder, type MediaItems } from '../support/media-encoder.js';
import { transposed } from '../support/tiny-bert.js';

type LossName = 'kl' | 'simclr';

interface MediaCase {
  readonly output: string;
  readonly pooling: Pooling;
  readonly loss: LossName;
  readonly temperature: number;
  readonly value: GoldenArray;
  /** Of the items, or of all views of all groups. */
  readonly pooled: GoldenArray;
  readonly gradient: GoldenArray;
  readonly projected: GoldenArray;
  readonly negatives?: GoldenArray;
}

interface MediaGolden extends MediaItems {
  readonly dims: number;
  readonly tokens: number;
  readonly target: { readonly outFeatures: number; readonly inFeatures: number; readonly bias: boolean };
  readonly heads: Record<LossName, { readonly weight: GoldenArray; readonly bias: GoldenArray }>;
  /** R [M, O·(I+1)] */
  readonly projection: GoldenArray;
  readonly cases: readonly MediaCase[];
}

/** Files of each family, and its poolings and outputs with how many tokens the tail sees then; undefined for all. */
const STATES = 'last_hidden_state';
const FAMILIES: Record<string, { files?: readonly string[]; ways: readonly [string, Pooling, number | undefined][] }> =
  {
    vit: { files: ['model', 'single'], ways: [[STATES, 'first', 1], [STATES, 'mean', undefined], [STATES, 'mean:1:', undefined]] }, // prettier-ignore
    deit: { ways: [[STATES, 'first', 1], [STATES, 'mean:0:2', 2]] }, // prettier-ignore
    dinov2: { files: ['model', 'fixed'], ways: [[STATES, 'first', 1], [STATES, 'mean', undefined]] }, // prettier-ignore
    beit: { ways: [[STATES, 'first', 1], [STATES, 'mean:1:', undefined]] }, // prettier-ignore
    clip: { ways: [[STATES, 'first', 1], ['pooler_output', 'first', 1]] }, // prettier-ignore
    siglip: { ways: [[STATES, 'mean', undefined], ['pooler_output', 'first', undefined]] }, // prettier-ignore
    ast: { ways: [[STATES, 'first', 1], [STATES, 'mean:0:2', 2], [STATES, 'mean:2:', undefined]] }, // prettier-ignore
    whisper: { files: ['model', 'single'], ways: [[STATES, 'mean', undefined]] },
    wav2vec2: { ways: [[STATES, 'first', 1], [STATES, 'mean', undefined]] }, // prettier-ignore
    hubert: { ways: [[STATES, 'mean', undefined]] },
  };
const ENGINES: readonly EngineName[] = ['onnx', 'tfjs'];
const [GROUPS, VIEWS] = [2, 3];
/**
 * Relative, as of the text families. The value of the KL loss is near 5e-5 at T = 15, a difference of terms near 1, which TensorFlow.js has in
 * float32: of it 6e-8 are lost, and of the gradient nothing.
 */
const TOLERANCE = { pooled: 1e-5, gradient: 1e-4, value: { onnx: 1e-4, tfjs: 2e-3 } } as const;

function lossOf({ loss, temperature, negatives }: MediaCase, { heads }: MediaGolden): Loss {
  const latent = heads[loss].bias.shape[0]!;
  if (loss === 'kl') return kl({ mode: 'paper', temperature, latent });
  return simclr({ mode: 'paper', temperature, latent, views: VIEWS, negatives: negatives!.shape[0]! });
}

function artefactsOf({ loss, negatives }: MediaCase, { heads }: MediaGolden): Artefacts {
  const { weight, bias } = heads[loss];
  return {
    [`${loss}.head.weight`]: { data: transposed(weight), shape: weight.shape.toReversed() },
    [`${loss}.head.bias`]: { data: Float32Array.from(values(bias)), shape: bias.shape },
    ...(negatives && { 'simclr.negatives': { data: transposed(negatives), shape: negatives.shape.toReversed() } }),
  };
}

const itemsOf = (loss: LossName): readonly (readonly string[])[] =>
  loss === 'kl'
    ? [['items/0'], ['items/1']]
    : Array.from({ length: GROUPS }, (_, group) => Array.from({ length: VIEWS }, (_, v) => `views/${group}/${v}`));

async function run(
  engine: GradientEngine,
  testCase: MediaCase,
  expected: MediaGolden,
  items: readonly (readonly string[])[],
): Promise<ProgramResult> {
  const states = await engine.encode(items.flat());
  const spec = { loss: lossOf(testCase, expected), gradient: { kind: 'factors' } } as const;
  const program = await engine.program(spec, artefactsOf(testCase, expected));
  let place = 0;
  return program.run(states, items.map((item) => item.map(() => place++))); // prettier-ignore
}

/** Σ_r δ_r ⊗ [x_r; 1] as [O, I+1]. */
function dense({ delta, x, terms }: Factors, { outFeatures, inFeatures }: MediaGolden['target']): Float64Array {
  const columns = inFeatures + 1;
  const out = new Float64Array(outFeatures * columns);
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < outFeatures; o++)
      for (let i = 0; i < columns; i++)
        out[o * columns + i]! += delta[r * outFeatures + o]! * (i === inFeatures ? 1 : x[r * inFeatures + i]!);
  return out;
}

const rowOf = (rows: Float64Array, at: number, n: number): Float64Array =>
  rows.subarray((at * rows.length) / n, ((at + 1) * rows.length) / n);

const unit = (row: Float32Array): Float32Array => row.map((value) => value / Math.hypot(...row));

/** R by rows of the gradient: of each the columns' signs, M at a time. */
const signsOf =
  ({ projection, target }: MediaGolden) =>
  (row: number): Float32Array => {
    const [M, length] = projection.shape as [number, number];
    const columns = target.inFeatures + 1;
    const signs = values(projection);
    return Float32Array.from(
      { length: columns * M },
      (_, at) => signs[(at % M) * length + row * columns + Math.floor(at / M)]!,
    );
  };

describe.each(ENGINES)('engine %s', (engineName) => {
  describe.each(Object.entries(FAMILIES))('%s', (family, { files = ['model'], ways }) => {
    const expected = readGolden(`media/${family}/expected.json`) as MediaGolden;

    it('has a case for every way to pool it', () => {
      const found = new Set(expected.cases.map(({ output, pooling }) => `${output} ${pooling}`));
      expect(found).toEqual(new Set(ways.map(([output, pooling]) => `${output} ${pooling}`)));
    });

    const each = files.flatMap((file) => ways.map((way) => [file, ...way] as const));
    describe.each(each)('%s.onnx, %s, pooling %s', (file, output, pooling, seen) => {
      let engine: GradientEngine;
      const warnings: string[] = [];
      beforeAll(async () => {
        const encoder = mediaEncoder(fixture(`media/${family}/${file}.onnx`), expected, pooling);
        const log = { debug: () => undefined, info: () => undefined, warn: (line: string) => warnings.push(line) };
        const named = output === STATES ? {} : { output };
        engine = await createEngine(encoder, { engine: engineName, threads: 1, log, ...named });
      });
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- loading may have failed
      afterAll(() => engine?.close());

      it('finds the last self-attention’s output projection, and computes the tokens that pooling reads', async () => {
        const { outFeatures, inFeatures, bias } = expected.target;
        const { dims } = expected;
        expect(engine.info).toMatchObject({ engine: engineName, dims, output, sliced: seen !== undefined });
        expect(engine.info.target).toMatchObject({ outFeatures, inFeatures, bias });
        const { offsets } = await engine.encode(['items/0', 'views/0/1']);
        const tokens = seen ?? expected.tokens;
        expect([...offsets]).toEqual([0, tokens, 2 * tokens]);
        const alone = warnings.filter((line) => line.includes('one item a run'));
        const unsliced = warnings.filter((line) => line.includes('token 0 alone'));
        expect(alone).toHaveLength(Number(file === 'single'));
        expect(unsliced).toHaveLength(Number(pooling === 'first' && seen === undefined));
        expect(warnings).toHaveLength(alone.length + unsliced.length);
      });

      const cases = expected.cases.filter((c) => c.pooling === pooling && c.output === output);
      it.each(cases.map((c) => [c.loss, c] as const))('%s: f(x), loss, gradient and block', async (loss, testCase) => {
        const items = itemsOf(loss);
        const n = items.length;
        const places = [...items.keys()];
        for (const order of [places, places.toReversed(), [1]]) {
          const ordered = order.map((i) => items[i]!);
          const result = await run(engine, testCase, expected, ordered);
          const inOrder = (golden: GoldenArray): number[] => order.flatMap((i) => [...rowOf(values(golden), i, n)]);
          expect(relativeError(result.pooled, inOrder(testCase.pooled))).toBeLessThan(TOLERANCE.pooled);
          expect(relativeError(result.loss, inOrder(testCase.value))).toBeLessThan(TOLERANCE.value[engineName]);
          const gradients = values(testCase.gradient);
          const errors = result.factors.map((factors, row) =>
            relativeError(dense(factors, expected.target), rowOf(gradients, order[row]!, n)),
          );
          expect(errors).toHaveLength(order.length);
          expect(Math.max(...errors)).toBeLessThan(TOLERANCE.gradient);
          const M = expected.projection.shape[0]!;
          const blocks = await denseProjection(engine.info.target, M, signsOf(expected))(result.factors);
          order.forEach((i, row) => {
            const block = unit(blocks.subarray(row * M, (row + 1) * M));
            expect(relativeError(block, rowOf(values(testCase.projected), i, n))).toBeLessThan(TOLERANCE.gradient);
          });
        }
      });
    });
  });
});
