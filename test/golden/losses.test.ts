/** The image losses against PyTorch: value and gradient with respect to the features, in float64 and in both engines. */
import { describe, expect, it } from 'vitest';
import type { Rng } from '../../src/core/rng.js';
import { deepCluster, drawDeepClusterHead, prototypesName } from '../../src/losses/deepcluster.js';
import { dino, type DinoOptions } from '../../src/losses/dino.js';
import type { Loss } from '../../src/losses/loss.js';
import { patchSimclr, type PatchSimClrOptions } from '../../src/losses/patch-simclr.js';
import { cluster } from '../../src/losses/prototypes.js';
import { lossRunner, type Artefacts, type Item } from '../losses/loss-graph.js';
import type { Value } from '../onnx/value.js';
import { readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';

interface Expected {
  /** [B] */
  readonly value: GoldenArray;
  /** [B,V,D] */
  readonly gradient: GoldenArray;
}

interface Golden {
  readonly dims: number;
  readonly dino: {
    readonly globals: number;
    readonly locals: number;
    readonly latent: number;
    readonly features: GoldenArray;
    readonly heads: Readonly<Record<string, { readonly weight: GoldenArray; readonly bias: GoldenArray }>>;
    readonly cases: readonly (Expected & DinoOptions)[];
  };
  readonly deepcluster: {
    readonly globals: number;
    readonly locals: number;
    readonly latent: number;
    readonly sets: number;
    readonly prototypes: readonly GoldenArray[];
    readonly iterations: number;
    readonly directions: GoldenArray;
    readonly weight: GoldenArray;
    readonly latents: GoldenArray;
    readonly starts: readonly (readonly number[])[];
    readonly features: GoldenArray;
    readonly cases: readonly (Expected & { readonly temperature: number })[];
  };
  readonly patchSimclr: {
    readonly tokens: number;
    readonly neighbours: number;
    readonly latent: number;
    readonly features: GoldenArray;
    readonly head: { readonly weight: GoldenArray; readonly bias: GoldenArray };
    readonly cases: readonly (Expected & Pick<PatchSimClrOptions, 'mode' | 'temperature'>)[];
  };
}

const [EXACT, FLOAT32] = [1e-9, 1e-5];
const golden = readGolden('losses/losses.json') as Golden;

const vector = (array: GoldenArray): Value => ({ type: 'float32', shape: array.shape, data: values(array) });

/** PyTorch's [out,in] as a product takes it, [in,out]. */
function turned(array: GoldenArray): Value {
  const [rows, columns] = array.shape as [number, number];
  const data = values(array);
  const shape = [columns, rows];
  return {
    type: 'float32',
    shape,
    data: data.map((_, at) => data[(at % rows) * columns + Math.floor(at / rows)]!),
  };
}

function itemsOf(features: GoldenArray): Item[] {
  const [B, V, D] = features.shape as [number, number, number];
  const data = [...values(features)];
  return Array.from({ length: B }, (_, b) =>
    Array.from({ length: V }, (_, v) => data.slice((b * V + v) * D, (b * V + v + 1) * D)),
  );
}

async function check(loss: Loss, artefacts: Artefacts, features: GoldenArray, expected: Expected): Promise<void> {
  const runner = await lossRunner(loss, golden.dims, artefacts);
  const items = itemsOf(features);
  const [value, gradient] = [values(expected.value), values(expected.gradient)];
  const exact = runner.interpret(items);
  expect(relativeError(exact.loss, value)).toBeLessThan(EXACT);
  expect(relativeError(exact.gradient, gradient)).toBeLessThan(EXACT);
  for (const ran of [await runner.run(items), await runner.tfjs(items)]) {
    expect(relativeError(ran.loss, value)).toBeLessThan(FLOAT32);
    expect(relativeError(ran.gradient, gradient)).toBeLessThan(FLOAT32);
  }
  await runner.close();
}

describe('dino', () => {
  const { features, heads, cases, globals, locals, latent } = golden.dino;

  it.each(cases)('head $head, $heads, normalise $normalise, same view $sameView', async (testCase) => {
    const { value, gradient, ...form } = testCase;
    const loss = dino({ globals, locals, latent, ...form });
    const drawn = Object.entries(heads).flatMap(([name, { weight, bias }]) => [
      [`${name}.weight`, turned(weight)] as const,
      [`${name}.bias`, vector(bias)] as const,
    ]);
    const wanted = loss.artefacts(golden.dims);
    const artefacts = Object.fromEntries(drawn.filter(([name]) => name in wanted));
    expect(Object.keys(artefacts)).toEqual(Object.keys(wanted));
    await check(loss, artefacts, features, { value, gradient });
  });
});

describe('deepcluster', () => {
  const { features, cases, weight, directions, prototypes, latents, starts, iterations, ...sizes } = golden.deepcluster;
  const { globals, locals, latent, sets } = sizes;

  it.each(cases)('temperature $temperature', ({ temperature, ...expected }) => {
    const loss = deepCluster({ globals, locals, latent, sets, prototypes: starts[0]!.length, temperature });
    const centresOf = prototypes.map((centres, set) => [prototypesName(set), turned(centres)] as const);
    return check(loss, { 'head.weight': turned(weight), ...Object.fromEntries(centresOf) }, features, expected);
  });

  it.each(starts.map((_, set) => set))('prototypes of set %d', (set) => {
    const [items] = latents.shape as [number];
    const all = values(latents);
    const at = (item: number, l: number): number => all[(item * globals + (set % globals)) * latent + l]!;
    const points = Float32Array.from({ length: items * latent }, (_, i) => at(Math.floor(i / latent), i % latent));
    const found = cluster(points, latent, starts[set]!, iterations);
    expect(relativeError(found, values(prototypes[set]!))).toBeLessThan(1e-6);
  });

  it('a head of weight normalisation whose g is 1', () => {
    const drawn = turned(directions);
    // A stream that has drawn the fixture's directions.
    const rng = { uniform: () => Float32Array.from(drawn.data) } as unknown as Rng;
    const head = drawDeepClusterHead(rng, golden.dims, latent);
    expect(relativeError(head, turned(weight).data)).toBeLessThan(1e-6);
  });
});

describe('patch-simclr', () => {
  const { features, head, cases, tokens, neighbours, latent } = golden.patchSimclr;

  it.each(cases)('$mode, temperature $temperature', async ({ mode, temperature, value, gradient }) => {
    const loss = patchSimclr({ mode, tokens, neighbours, latent, temperature: temperature! });
    const head32 = { 'head.weight': turned(head.weight), 'head.bias': vector(head.bias) };
    const [B, V, D] = features.shape as [number, number, number];
    const part = (array: GoldenArray, item: number, from: number, to: number): Float64Array =>
      Float64Array.from(values(array).subarray((item * V + from) * D, (item * V + to) * D));
    const packed = (data: Float64Array, shape: readonly number[]): GoldenArray => ({
      ...{ shape, f64: Buffer.from(data.buffer).toString('base64') },
    });
    for (let item = 0; item < B; item++) {
      const others = { type: 'float32', shape: [neighbours, D], data: part(features, item, tokens, V) } as const;
      await check(loss, { ...head32, neighbours: others }, packed(part(features, item, 0, tokens), [1, tokens, D]), {
        value: packed(Float64Array.of(values(value)[item]!), [1]),
        gradient: packed(part(gradient, item, 0, tokens), [1, tokens, D]),
      });
      expect(part(gradient, item, tokens, V).every((each) => each === 0)).toBe(true);
    }
  });
});
