/**
 * Each encoder family in each form in which the hub offers it, against PyTorch autograd in float64. With FAMILIES_TABLE=<file> the
 * table of docs/encoders.md is written there: of each family, form and engine the worst relative error of a gradient.
 */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Artefacts, Factors, GradientEngine, ProgramResult } from '../../src/engine/engine.js';
import type { EngineName } from '../../src/engine/tails.js';
import { kl } from '../../src/losses/kl.js';
import type { Loss, Mode } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { transposed } from '../support/tiny-bert.js';

type LossName = 'kl' | 'simclr';
type Pooling = 'first' | 'mean';
type Ids = readonly number[];

interface FamilyCase {
  readonly pooling: Pooling;
  readonly loss: LossName;
  readonly mode: Mode;
  readonly temperature: number;
  readonly value: GoldenArray;
  readonly gradient: GoldenArray;
}

interface FamilyGolden {
  readonly pad: number;
  readonly dims: number;
  readonly target: { readonly outFeatures: number; readonly inFeatures: number; readonly bias: boolean };
  readonly texts: readonly Ids[];
  readonly views: readonly (readonly Ids[])[];
  readonly heads: Record<LossName, { readonly weight: GoldenArray; readonly bias: GoldenArray }>;
  readonly negatives: Record<Pooling, GoldenArray>;
  readonly pooled: Record<Pooling, GoldenArray>;
  readonly viewPooled: Record<Pooling, GoldenArray>;
  readonly cases: readonly FamilyCase[];
}

const FAMILIES = [
  ...['bert', 'distilbert', 'roberta', 'mpnet', 'deberta', 'modernbert', 't5', 't5-gated', 'albert', 'electra'],
] as const;
const KINDS = ['plain', 'optimised', 'fp16'] as const;
const ENGINES: readonly EngineName[] = ['onnx', 'tfjs'];
/** Relative: of f(x), and of losses and gradients. */
const TOLERANCES = { float32: { pooled: 1e-5, gradient: 1e-4 }, float16: { pooled: 1e-2, gradient: 1e-2 } } as const;
/** Of the value of a loss, which no feature holds: TensorFlow.js has no float64, and at T = 15 it is a small difference of large terms. */
const VALUE_TOLERANCES = { onnx: 1e-4, tfjs: 1e-3 } as const;
/** How far a text's factors may be from those in another batch. */
const SAME = { float32: 1e-5, float16: 1e-3 } as const;

const golden = new Map(FAMILIES.map((family) => [family, readFamily(`${family}/expected`)] as const));
/** The worst error of a gradient, by row and column of the table. */
const worst = new Map<string, number>();
/** Cases that began and did not end, as they do when one of their expectations fails. */
const failed = new Map<string, number>();
const cell = (family: string, kind: string, engine: string): string => `${family} ${kind} ${engine}`;

function readFamily(name: string): FamilyGolden {
  return readGolden(`families/${name}.json`) as FamilyGolden;
}

function lossOf({ loss, mode, temperature }: FamilyCase, { heads, negatives, views, dims }: FamilyGolden): Loss {
  const latent = heads[loss].bias.shape[0]!;
  if (loss === 'kl') return kl({ mode, temperature, latent });
  expect(heads.simclr.weight.shape).toEqual([latent, dims]);
  return simclr({ mode, temperature, latent, views: views[0]!.length, negatives: negatives.first.shape[0]! });
}

function artefactsOf({ loss, pooling }: FamilyCase, { heads, negatives }: FamilyGolden): Artefacts {
  const { weight, bias } = heads[loss];
  const rows = negatives[pooling];
  return {
    [`${loss}.head.weight`]: { data: transposed(weight), shape: weight.shape.toReversed() },
    [`${loss}.head.bias`]: { data: Float32Array.from(values(bias)), shape: bias.shape },
    ...(loss === 'simclr' && { 'simclr.negatives': { data: transposed(rows), shape: rows.shape.toReversed() } }),
  };
}

/** Items of one text or of several views, all encoded in one batch. */
async function factorsOf(
  engine: GradientEngine,
  testCase: FamilyCase,
  expected: FamilyGolden,
  items: readonly (readonly Ids[])[],
): Promise<ProgramResult> {
  const states = await engine.encode(items.flat().map(asItem));
  const spec = { loss: lossOf(testCase, expected), gradient: { kind: 'factors' } } as const;
  const program = await engine.program(spec, artefactsOf(testCase, expected));
  let place = 0;
  return program.run(
    states,
    items.map((item) => item.map(() => place++)),
  );
}

/** Σ_r δ_r ⊗ [x_r; 1] as [O, I+1], without the last column where the layer has no bias. */
function dense({ delta, x, terms }: Factors, { outFeatures, inFeatures, bias }: FamilyGolden['target']): Float64Array {
  const columns = inFeatures + Number(bias);
  const out = new Float64Array(outFeatures * columns);
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < outFeatures; o++)
      for (let i = 0; i < columns; i++)
        out[o * columns + i]! += delta[r * outFeatures + o]! * (i === inFeatures ? 1 : x[r * inFeatures + i]!);
  return out;
}

/** Row `at` of n equal ones. */
function rowOf<T extends Float32Array | Float64Array>(rows: T, at: number, n: number): T {
  return rows.subarray((at * rows.length) / n, ((at + 1) * rows.length) / n) as T;
}

/** A model file's gradients are those of PyTorch, whatever their order in a batch. */
function matchesPyTorch(
  family: string,
  kind: string,
  engineName: EngineName,
  pooling: Pooling,
  expected: FamilyGolden,
) {
  const tolerance = TOLERANCES[kind === 'fp16' ? 'float16' : 'float32'];
  let engine: GradientEngine;
  beforeAll(async () => {
    const encoder = idEncoder(fixture(`families/${family}/${kind}.onnx`), pooling, expected.pad);
    engine = await createEngine(encoder, { engine: engineName, threads: 1 });
  });
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- loading may have failed
  afterAll(() => engine?.close());

  it('finds the last attention output projection, and slices when one token is pooled', () => {
    const { outFeatures, inFeatures, bias } = expected.target;
    expect(engine.info).toMatchObject({ engine: engineName, dims: expected.dims, sliced: pooling === 'first' });
    expect(engine.info.target).toMatchObject({ outFeatures, inFeatures, bias });
  });

  it('pools what PyTorch pools', async () => {
    const states = await engine.encode(expected.texts.map(asItem));
    const program = await engine.program({});
    const { pooled } = await program.run(
      states,
      expected.texts.map((_, i) => [i]),
    );
    expect(relativeError(pooled, values(expected.pooled[pooling]))).toBeLessThan(tolerance.pooled);
  });

  const cases = expected.cases.filter((c) => c.pooling === pooling);
  it.each(cases.map((c) => [`${c.loss} T=${c.temperature}`, c] as const))('%s', async (_, testCase) => {
    const items = testCase.loss === 'kl' ? expected.texts.map((text) => [text]) : expected.views;
    const [losses, gradients] = [values(testCase.value), values(testCase.gradient)];
    const [n, key] = [items.length, cell(family, kind, engineName)];
    const places = items.map((_, i) => i);
    failed.set(key, (failed.get(key) ?? 0) + 1);
    for (const order of [places, places.toReversed()]) {
      const result = await factorsOf(
        engine,
        testCase,
        expected,
        order.map((i) => items[i]!),
      );
      const errors = result.factors.map((factors, row) =>
        relativeError(dense(factors, expected.target), rowOf(gradients, order[row]!, n)),
      );
      worst.set(key, Math.max(worst.get(key) ?? 0, ...errors));
      expect(errors).toHaveLength(n);
      expect(Math.max(...errors)).toBeLessThan(tolerance.gradient);
      const ordered = order.map((i) => losses[i]!);
      expect(relativeError(result.loss, ordered)).toBeLessThan(
        Math.max(tolerance.gradient, VALUE_TOLERANCES[engineName]),
      );
      if (testCase.loss === 'simclr') {
        const views = values(expected.viewPooled[pooling]);
        const pooled = order.flatMap((i) => [...rowOf(views, i, n)]);
        expect(relativeError(result.pooled, pooled)).toBeLessThan(tolerance.pooled);
      }
    }
    failed.set(key, failed.get(key)! - 1);
  });

  it('has the same factors for a text alone and beside longer ones, in any order', async () => {
    const { texts } = expected;
    for (const testCase of cases.filter((c) => c.loss === 'kl')) {
      const run = (batch: readonly Ids[]) =>
        factorsOf(
          engine,
          testCase,
          expected,
          batch.map((text) => [text]),
        );
      const batches = await Promise.all([texts, texts.toReversed(), [texts[3]!, texts[1]!]].map(run));
      for (const [i, text] of texts.entries()) {
        const alone = (await run([text])).factors[0]!;
        const among = [batches[0]!.factors[i]!, batches[1]!.factors[texts.length - 1 - i]!];
        if (i === 3) among.push(batches[2]!.factors[0]!);
        for (const { delta, x, terms } of among) {
          expect(terms).toBe(pooling === 'first' ? 1 : text.length);
          expect(relativeError(delta, alone.delta)).toBeLessThan(SAME[kind === 'fp16' ? 'float16' : 'float32']);
          expect(relativeError(x, alone.x)).toBeLessThan(SAME[kind === 'fp16' ? 'float16' : 'float32']);
        }
      }
    }
  });
}

describe.each(ENGINES)('engine %s', (engine) => {
  describe.each(FAMILIES)('%s', (family) => {
    describe.each(KINDS)('%s', (kind) => {
      describe.each(['first', 'mean'] as const)('pooling %s', (pooling) => {
        matchesPyTorch(family, kind, engine, pooling, golden.get(family)!);
      });
    });
  });

  describe.each(['first', 'mean'] as const)('bert with weights kept in int8, pooling %s', (pooling) => {
    matchesPyTorch('bert', 'weight-only', engine, pooling, readFamily('bert/weight-only'));
  });
});

afterAll(async () => {
  const path = process.env['FAMILIES_TABLE'];
  if (path !== undefined) await writeFile(path, table());
});

/** Markdown: a row for each family, a column for each kind and engine; "–" where a case failed or none ran. */
function table(): string {
  const columns = ENGINES.flatMap((engine) => KINDS.map((kind) => [kind, engine] as const));
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  const shown = (key: string): string => (failed.get(key) === 0 ? worst.get(key)!.toExponential(0) : '–');
  const rows = FAMILIES.map((family) =>
    line([family, ...columns.map(([kind, engine]) => shown(cell(family, kind, engine)))]),
  );
  const head = line(['family', ...columns.map(([kind, engine]) => `${kind}, ${engine}`)]);
  return head + line(['---', ...columns.map(() => '---')]) + rows.join('');
}
