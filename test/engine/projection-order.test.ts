/** A gradient of many terms is projected by way of G, one of few term by term: the same block, whatever is computed beside it. */
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { createEngine, type EngineOptions } from '../../src/engine/create-engine.js';
import type { Artefacts, Factors, ProgramResult } from '../../src/engine/engine.js';
import { GRADIENT, PROJECTION, termsWorthGradient } from '../../src/engine/projection.js';
import { kl } from '../../src/losses/kl.js';
import type { Loss } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { Session } from '../../src/runtime/session.js';
import { fixture, readGolden, relativeError } from '../support/golden.js';
import { mediaEncoder, type MediaItems } from '../support/media-encoder.js';

const whisper = readGolden('media/whisper/expected.json') as MediaItems & { readonly tokens: number };
const [D, T, L, RANK] = [16, whisper.tokens, 24, 2];
const draw = (seed: number, ...shape: readonly number[]) => ({
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(seed + 7 * i)),
  shape,
});
const artefacts = (loss: Loss, count: number): Artefacts => ({
  [`${loss.name}.head.weight`]: draw(1, D, L),
  [`${loss.name}.head.bias`]: draw(2, L),
  ...(loss.name === 'simclr' && { 'simclr.negatives': draw(3, L, 6) }),
  [PROJECTION.left]: draw(4, D, count * RANK),
  [PROJECTION.right]: draw(5, D, count * RANK),
  [PROJECTION.bias]: draw(6, count * RANK),
});

/** A media encoder whose items have these numbers of tokens that count; the model computes all. */
function encoderOf(lengths: readonly number[]) {
  const encoder = mediaEncoder(fixture('media/whisper/model.onnx'), whisper, 'mean', T);
  const sized = <P extends object>(items: readonly P[]): P[] =>
    items.map((item, i) => ({ ...item, tokens: lengths[i % lengths.length]!, computed: T }));
  return {
    ...encoder,
    prepare: (views: Parameters<typeof encoder.prepare>[0]) => sized(encoder.prepare(views)),
    probe: () => sized(encoder.probe()) as unknown as ReturnType<typeof encoder.probe>,
  };
}

interface Way extends EngineOptions {
  readonly loss?: Loss;
  readonly lengths?: readonly number[];
  readonly count: number;
}
const KL = kl({ mode: 'paper', latent: L });

/** Of some views; each item is a list of their places. */
async function run(views: readonly string[], items: readonly (readonly number[])[], way: Way) {
  const { loss = KL, lengths = [T], count, ...options } = way;
  const engine = await createEngine(encoderOf(lengths), { threads: 1, ...options });
  const frozen = artefacts(loss, count);
  const states = await engine.encode(views);
  const of = async (kind: object): Promise<ProgramResult> =>
    (await engine.program({ loss, gradient: kind as never }, frozen)).run(states, items);
  const { block } = await of({ kind: 'bilinear', count, rank: RANK });
  const { factors } = await of({ kind: 'factors' });
  await engine.close();
  return { block, expected: projected(factors, frozen, count) };
}

/** The block in float64, term by term. */
function projected(factors: readonly Factors[], frozen: Artefacts, count: number): Float64Array {
  const [left, right, bias] = [PROJECTION.left, PROJECTION.right, PROJECTION.bias].map((name) => frozen[name]!.data);
  const J = count * RANK;
  const out = new Float64Array(factors.length * count);
  factors.forEach(({ delta, x, terms }, item) => {
    for (let r = 0; r < terms; r++)
      for (let j = 0; j < J; j++) {
        let [along, across] = [0, bias![j]!];
        for (let d = 0; d < D; d++) {
          along += delta[r * D + d]! * left![d * J + j]!;
          across += x[r * D + d]! * right![d * J + j]!;
        }
        out[item * count + Math.floor(j / RANK)]! += along * across;
      }
  });
  return out;
}

let loads: MockInstance<typeof Session.load>;
beforeEach(() => {
  loads = vi.spyOn(Session, 'load');
});
afterEach(() => vi.restoreAllMocks());
/** Of the projections that sessions were loaded for, whether G is built. */
const built = (): boolean[] =>
  loads.mock.calls
    .map(([bytes]) => fromBinary(ModelProtoSchema, bytes).graph!)
    .filter(({ output }) => output.some(({ name }) => name === 'fungi.block'))
    .map(({ node }) => node.some(({ output }) => output.includes(GRADIENT)));

const TARGET = { outFeatures: D, inFeatures: D };
/** Directions with which T = 10 terms are fewer than G is worth (16 × 2 directions, 10.7 terms), and more (64 × 2, 8.5). */
const [FEW, MANY] = [16, 64];

describe('the block of a row of ten tokens', () => {
  it.each([
    [FEW, false],
    [MANY, true],
  ])('with %d directions is the sum over its terms; G is built: %s', async (count, byGradient) => {
    expect(T > termsWorthGradient(TARGET, { count, rank: RANK })).toBe(byGradient);
    const { block, expected } = await run(['items/0', 'items/1'], [[0], [1]], { count });
    expect(built()).toEqual([byGradient]);
    expect(relativeError(block, expected)).toBeLessThan(1e-5);
  });

  it('adds up over the rows of an item that has several', async () => {
    const loss = simclr({ mode: 'paper', latent: L, views: 3, negatives: 6 });
    const views = ['views/0/0', 'views/0/1', 'views/0/2', 'views/1/0', 'views/1/1'];
    const places = [
      [0, 1, 2],
      [3, 4, 3],
    ];
    const { block, expected } = await run(views, places, { loss, count: MANY });
    expect(built()).toEqual([true]);
    expect(relativeError(block, expected)).toBeLessThan(1e-5);
  });

  it('is that of TensorFlow.js, which goes term by term', async () => {
    const [ours, theirs] = [await run(['items/0'], [[0]], { count: MANY }), await run(['items/0'], [[0]], { count: MANY, engine: 'tfjs' })]; // prettier-ignore
    expect(built()).toEqual([true]);
    expect(relativeError(ours.block, theirs.block)).toBeLessThan(1e-4);
  });
});

describe('items of different length', () => {
  it('share no run across the limit, so that an item has the same bytes alone', async () => {
    const lengths = [4, T];
    const both = await run(['items/0', 'items/1'], [[0], [1]], { count: MANY, lengths });
    expect(built().toSorted()).toEqual([false, true]);
    expect(relativeError(both.block, both.expected)).toBeLessThan(1e-5);
    for (const item of [0, 1]) {
      const alone = await run(['items/0', 'items/1'], [[item]], { count: MANY, lengths });
      expect(alone.block).toEqual(both.block.subarray(item * MANY, (item + 1) * MANY));
    }
  });
});

it('a closed engine loads no session for what it has not computed yet', async () => {
  const engine = await createEngine(encoderOf([T]), { threads: 1 });
  const gradient = { kind: 'bilinear', count: MANY, rank: RANK } as const;
  const program = await engine.program({ loss: KL, gradient }, artefacts(KL, MANY));
  const states = await engine.encode(['items/0']);
  await engine.close();
  await expect(program.run(states, [[0]])).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
  expect(built()).toEqual([]);
});

describe('termsWorthGradient', () => {
  const size = fc.integer({ min: 1, max: 4096 });

  it('is where the multiplications of both ways are equal', () => {
    fc.assert(
      fc.property(size, size, size, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 5000 }), (O, I, count, rank, R) => {
        const J = count * rank;
        const terms = termsWorthGradient({ outFeatures: O, inFeatures: I }, { count, rank });
        const cheaper = R * O * I + J * O * I < R * J * (O + I);
        if (Math.abs(R - terms) > 1e-6 * R) expect(R > terms).toBe(cheaper);
      }),
    ); // prettier-ignore
  });

  it('is 236 with 1,024 directions at a width of 384', () => {
    const terms = termsWorthGradient({ outFeatures: 384, inFeatures: 384 }, { count: 1024, rank: 1 });
    expect(Math.floor(terms)).toBe(236);
  });
});
