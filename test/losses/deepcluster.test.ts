import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import {
  deepCluster,
  DEEPCLUSTER_DEFAULTS,
  drawDeepClusterHead,
  prototypesName,
  type DeepClusterOptions,
} from '../../src/losses/deepcluster.js';
import { relativeError } from '../support/golden.js';
import { lossContract } from './contract.js';
import { drawArtefacts, drawItems, lossRunner, rows, type Item } from './loss-graph.js';
import { gradient, plainDeepCluster } from './plain.js';

const [EXACT, FLOAT32] = [1e-6, 1e-4];
const D = 5;
const SMALL = { globals: 2, locals: 3, latent: 6, sets: 3, prototypes: 7 };

/** Value and gradient of `items` against the plain loss, and both engines against that. */
async function check(options: DeepClusterOptions, items: readonly Item[], step = 1e-4): Promise<void> {
  const loss = deepCluster(options);
  const { sets, globals, temperature } = { ...DEEPCLUSTER_DEFAULTS, ...options };
  const artefacts = drawArtefacts(loss, D);
  const runner = await lossRunner(loss, D, artefacts);
  const prototypes = Array.from({ length: sets }, (_, set) => rows(artefacts[prototypesName(set)]!));
  const f = (x: readonly number[]): number => {
    const views = Array.from({ length: loss.views }, (_, v) => x.slice(v * D, (v + 1) * D));
    return plainDeepCluster(views, rows(artefacts['head.weight']!), prototypes, globals, temperature);
  };
  for (const item of items) {
    const [exact, ran, tfjs] = [runner.interpret([item]), await runner.run([item]), await runner.tfjs([item])];
    expect(Math.abs(exact.loss[0]! / f(item.flat()) - 1)).toBeLessThan(EXACT);
    expect(relativeError(exact.gradient, gradient(f, item.flat(), step))).toBeLessThan(EXACT);
    expect(relativeError(ran.gradient, exact.gradient)).toBeLessThan(FLOAT32);
    expect(relativeError(tfjs.gradient, exact.gradient)).toBeLessThan(FLOAT32);
  }
  await runner.close();
}

describe.each([0.1, 1])('deepcluster, τ = %d', (temperature) => {
  const options = { ...SMALL, temperature };
  lossContract(deepCluster(options));

  it.each([1e-2, 1, 1e2])('is the plain loss, and its gradient that of the plain loss, at scale %d', (scale) =>
    check(options, drawItems(3, 5, D, 3, scale), 1e-4 * scale),
  );
});

describe('deepcluster', () => {
  it.each([
    { globals: 1, locals: 0, sets: 2 },
    { globals: 3, locals: 2, sets: 1 },
    { globals: 2, locals: 0, sets: 4 },
  ])('takes $globals global, $locals local crops and $sets sets', (crops) =>
    check({ ...SMALL, ...crops }, drawItems(3, crops.globals + crops.locals, D)),
  );

  it('takes a set of one prototype, whose loss is 0', async () => {
    const loss = deepCluster({ ...SMALL, prototypes: 1 });
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const { loss: value, gradient: slope } = await runner.run(drawItems(2, 5, D));
    for (const found of [value, slope]) expect(Math.max(...Array.from(found).map(Math.abs))).toBeLessThan(1e-6);
    await runner.close();
  });

  it('assigns by a global crop: where these are exchanged other prototypes may be meant', async () => {
    const loss = deepCluster({ ...SMALL, sets: 1 });
    const runner = await lossRunner(loss, D, drawArtefacts(loss, D));
    const moved = drawItems(8, 5, D).map((item) => {
      const value = (order: readonly number[]): number => runner.interpret([order.map((v) => item[v]!)]).loss[0]!;
      expect(value([0, 4, 3, 2, 1])).toBeCloseTo(value([0, 1, 2, 3, 4]), 12);
      return Math.abs(value([1, 0, 2, 3, 4]) - value([0, 1, 2, 3, 4]));
    });
    expect(Math.max(...moved)).toBeGreaterThan(1e-2);
    await runner.close();
  });

  it('has the released settings by default', () => {
    expect(DEEPCLUSTER_DEFAULTS).toEqual({
      ...{ globals: 2, locals: 6, latent: 128, sets: 3, prototypes: 3000, temperature: 0.1 },
    });
    expect(deepCluster()).toMatchObject({ name: 'deepcluster', views: 8 });
    expect(deepCluster().artefacts(32)).toEqual({
      'head.weight': [32, 128],
      ...{ 'prototypes.0': [128, 3000], 'prototypes.1': [128, 3000], 'prototypes.2': [128, 3000] },
    });
  });
});

describe('drawDeepClusterHead', () => {
  it('gives each latent a direction of unit length, those that the seed’s stream points in', () => {
    const [dims, latent] = [7, 4];
    const weight = drawDeepClusterHead(Rng.stream(1, 'head'), dims, latent);
    const raw = Rng.stream(1, 'head').uniform(dims * latent, 1 / Math.sqrt(dims));
    for (let l = 0; l < latent; l++) {
      const [unit, drawn] = [weight, raw].map((values) => values.filter((_, at) => at % latent === l));
      expect(Math.hypot(...unit!)).toBeCloseTo(1, 6);
      const length = Math.hypot(...drawn!);
      expect(relativeError(unit!, drawn!.map((x) => x / length))).toBeLessThan(1e-6); // prettier-ignore
    }
  });
});
