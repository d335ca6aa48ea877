/** Gradients of every block's attention and MLP output, and of every form of head, against PyTorch autograd in float64. */
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { silentLogger } from '../../src/core/log.js';
import type { Pooling } from '../../src/encoders/encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Artefacts, Factors, GradientEngine } from '../../src/engine/engine.js';
import { gradientSources, type GradientSource } from '../../src/engine/gradient-sources.js';
import { ENGINES, type EngineName } from '../../src/engine/tails.js';
import type { Head } from '../../src/losses/head.js';
import { kl } from '../../src/losses/kl.js';
import type { Loss } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { transposed } from '../support/tiny-bert.js';

interface SourceCase {
  readonly pooling: Pooling;
  readonly loss: 'kl' | 'simclr';
  readonly value: GoldenArray;
  readonly gradient: GoldenArray;
}

interface HeadCase extends SourceCase {
  readonly head: Head;
  readonly normalise: boolean;
}

interface Golden {
  readonly texts: readonly (readonly number[])[];
  readonly views: readonly (readonly (readonly number[])[])[];
  readonly heads: Record<'kl' | 'simclr', { readonly weight: GoldenArray; readonly bias: GoldenArray }>;
  readonly negatives: Record<Head, GoldenArray>;
  readonly sources: readonly (Pick<GradientSource, 'block' | 'kind'> & { readonly cases: readonly SourceCase[] })[];
  readonly headCases: readonly HeadCase[];
}

const golden = readGolden('sources/expected.json') as Golden;
const TOLERANCE = 1e-4;
/** Of the value of a loss: TensorFlow.js has no float64. */
const VALUE_TOLERANCE = { onnx: 1e-4, tfjs: 1e-3 } as const;
const POOLINGS: readonly Pooling[] = ['first', 'mean'];
const file = (name: string): string => fixture(`sources/${name}.onnx`);

function artefactsOf(loss: 'kl' | 'simclr', head: Head): Artefacts {
  const { weight, bias } = golden.heads[loss];
  const negatives = golden.negatives[head];
  return {
    ...(head === 'linear' && {
      [`${loss}.head.weight`]: { data: transposed(weight), shape: weight.shape.toReversed() },
      [`${loss}.head.bias`]: { data: Float32Array.from(values(bias)), shape: bias.shape },
    }),
    ...(loss === 'simclr' && {
      'simclr.negatives': { data: transposed(negatives), shape: negatives.shape.toReversed() },
    }),
  };
}

/** Σ_r δ_r ⊗ [x_r; 1] as [O, I+1]. */
function dense({ delta, x, terms }: Factors, O: number, I: number): Float64Array {
  const out = new Float64Array(O * (I + 1));
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < O; o++)
      for (let i = 0; i <= I; i++) out[o * (I + 1) + i]! += delta[r * O + o]! * (i === I ? 1 : x[r * I + i]!);
  return out;
}

async function expectGradients(
  engine: GradientEngine,
  loss: Loss,
  { value, gradient }: SourceCase,
  artefacts: Artefacts,
): Promise<void> {
  const items = loss.name === 'kl' ? golden.texts.map((text) => [text]) : golden.views;
  const states = await engine.encode(items.flat().map(asItem)); // one padded batch
  const program = await engine.program({ loss, gradient: { kind: 'factors' } }, artefacts);
  let place = 0;
  const found = await program.run(
    states,
    items.map((item) => item.map(() => place++)),
  );
  const tolerance = VALUE_TOLERANCE[engine.info.engine as EngineName];
  expect(relativeError(found.loss, values(value))).toBeLessThan(tolerance);
  const [, O, columns] = gradient.shape as [number, number, number];
  const expected = values(gradient);
  expect(found.factors).toHaveLength(items.length);
  found.factors.forEach((factors, i) => {
    const own = expected.subarray(i * O * columns, (i + 1) * O * columns);
    expect(relativeError(dense(factors, O, columns - 1), own)).toBeLessThan(TOLERANCE);
  });
}

describe.each(['eager', 'sdpa', 'dynamo', 'gemm'])('%s.onnx', (name) => {
  const found = gradientSources(idEncoder(file(name), 'first'));

  it('has an attention output and an MLP output in each block, in this order', async () => {
    const kinds = golden.sources.map(({ block, kind, cases: [first] }) => {
      const [, outFeatures, columns] = first!.gradient.shape as [number, number, number];
      return { block, kind, outFeatures, inFeatures: columns - 1 };
    });
    expect(await found).toMatchObject(kinds);
    expect(await found).toHaveLength(kinds.length);
  });

  // The other engine judges the first on one export; of the others it would say the same.
  const engines = name === 'eager' ? ENGINES : (['onnx'] as const);
  const cases = engines.flatMap((engine) =>
    golden.sources.flatMap((source, i) =>
      POOLINGS.map(
        (pooling) => [`${source.kind} of block ${source.block}, ${pooling}, ${engine}`, engine, i, pooling] as const,
      ),
    ),
  );
  it.each(cases)('%s', async (_, engineName, i, pooling) => {
    const source = golden.sources[i]!;
    const target = (await found)[i]!.name;
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const engine = await createEngine(idEncoder(file(name), pooling), { engine: engineName, target, log });
    try {
      expect(engine.info.target.tensor).toBe(target);
      // Behind the last attention one token goes its way alone, before it none does.
      expect(engine.info.sliced).toBe(pooling === 'first' && source.block === 2);
      expect(warnings).toEqual([]);
      engine.assertDifferentiable();
      const own = source.cases.filter((testCase) => testCase.pooling === pooling);
      expect(own.map(({ loss }) => loss)).toEqual(['kl', 'simclr']);
      for (const testCase of own) {
        const loss =
          testCase.loss === 'kl'
            ? kl({ mode: 'paper', latent: 24 })
            : simclr({ mode: 'paper', latent: 16, views: 4, negatives: 6 });
        await expectGradients(engine, loss, testCase, artefactsOf(testCase.loss, 'linear'));
      }
    } finally {
      await engine.close();
    }
  });
});

describe.each(ENGINES)('heads, %s', (engineName) => {
  const cases = golden.headCases.map((c) => [`${c.loss}, ${c.head}, normalise ${c.normalise}`, c] as const);
  it.each(cases)('%s', async (_, testCase) => {
    const { head, normalise } = testCase;
    const engine = await createEngine(idEncoder(file('eager'), testCase.pooling), { engine: engineName });
    const loss =
      testCase.loss === 'kl'
        ? kl({ mode: 'paper', latent: 24, head, normalise })
        : simclr({ mode: 'paper', latent: 16, views: 4, negatives: 6, head, normalise });
    await expectGradients(engine, loss, testCase, artefactsOf(testCase.loss, head));
    await engine.close();
  });
});

describe('fused.onnx', () => {
  it('takes layers behind the last attention only: another reads the mask as the fused operators have it', async () => {
    const encoder = idEncoder(file('fused'), 'first');
    const sources = await gradientSources(encoder);
    expect(sources).toHaveLength(6);
    for (const { name, block } of sources) {
      const outcome: unknown = await createEngine(encoder, { target: name }).catch((error: unknown) => error);
      if (block === 2) {
        const engine = outcome as GradientEngine;
        engine.assertDifferentiable();
        await engine.close();
      } else {
        expect(FungiError.is(outcome, 'MODEL_UNSUPPORTED')).toBe(true);
        expect((outcome as FungiError).message).toContain('mask_index');
        expect((outcome as FungiError).hint).toMatch(/without fused operators.*last block/);
      }
    }
  });

  it('of a file whose fused attention has no derivative rule is refused by one engine and taken by the other', async () => {
    const encoder = idEncoder(fixture('families/bert/optimised.onnx'), 'first');
    const [first] = await gradientSources(encoder);
    for (const engineName of ENGINES) {
      const engine = await createEngine(encoder, { target: first!.name, engine: engineName });
      const asked = (): void => {
        engine.assertDifferentiable();
      };
      if (engineName === 'tfjs') expect(asked).not.toThrow();
      else
        expect(asked).toThrow(
          expect.objectContaining({
            code: 'OP_UNSUPPORTED',
            details: { op: 'com.microsoft.Attention', node: 'Attention_1', graph: 'ids' },
          }) as Error,
        );
      await engine.close();
    }
  });
});
