/** Ablations on the tiny BERT: each level is what a run with its settings is, and nothing is made twice. */
import { readdirSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { OnProgress } from '../../../src/core/progress.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import type { GradientEngine } from '../../../src/engine/engine.js';
import { gradientSources } from '../../../src/engine/gradient-sources.js';
import { ablate, type Ablation, type AblateOptions } from '../../../src/eval/ablate/ablate.js';
import { parseFactors, parseValues } from '../../../src/eval/ablate/factors.js';
import { layerName, layerTensor, namedLayers, withLayers } from '../../../src/eval/ablate/layers.js';
import { defaultValues, type AblationBase } from '../../../src/eval/ablate/level-settings.js';
import { levelsCrossed, levelsOneAtATime } from '../../../src/eval/ablate/levels.js';
import { classifyRows } from '../../../src/eval/classify/classify.js';
import { knnClassifier, type KnnOptions } from '../../../src/eval/classify/knn.js';
import { drawPools } from '../../../src/eval/data/pools.js';
import { FeatureRows, type FeatureVariant } from '../../../src/eval/features/feature-rows.js';
import { parseFeatureSet } from '../../../src/eval/features/feature-sets.js';
import { fixture } from '../../support/golden.js';
import { idEncoder } from '../../support/id-encoder.js';
import { tinyPool } from '../../support/tiny-extractor.js';

const rows = tinyPool.map((input) => ({ input, label: input.split(' ').length > 16 ? 'long' : 'short' }));
const [train, test] = [rows.slice(0, 16), rows.slice(14)];
const encoder = idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), 'first');
const sources = await gradientSources(encoder);
const layers = namedLayers(sources);

let engine: GradientEngine;
let folder: string;
let made = 0;
let encoded: string[] = [];
beforeAll(async () => {
  engine = await createEngine(encoder);
  folder = await mkdtemp(join(tmpdir(), 'fungi-ablate-test-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const watched = (one: GradientEngine): GradientEngine =>
  new Proxy(one, {
    get: (target, name) =>
      name === 'encode'
        ? (items: readonly string[], onProgress?: OnProgress) => {
            encoded.push(...items);
            return target.encode(items, onProgress);
          }
        : (Reflect.get(target, name) as unknown),
  });

interface Asked extends Partial<AblateOptions> {
  readonly loss?: 'kl' | 'simclr';
  readonly vary: readonly string[];
  readonly common?: readonly string[];
  readonly features?: readonly string[];
  readonly cross?: boolean;
}

let opened: string[] = [];
let closed: string[] = [];

async function run({
  loss = 'kl',
  vary,
  common = [],
  features = [`only:${loss}`, loss],
  cross,
  ...more
}: Asked): Promise<Ablation> {
  [encoded, opened, closed] = [[], [], []];
  const fixed = parseValues(common, loss);
  const base: AblationBase = { loss, features, dims: 8, layer: layerName(engine.info.target.tensor, layers) };
  const factors = parseFactors(vary, loss).map((factor) => withLayers(factor, sources));
  const defaults = defaultValues(base, fixed, engine.info.dims);
  return ablate({
    ...{ train, test, base, seeds: [0], k: 3 },
    levels: (cross === true ? levelsCrossed : levelsOneAtATime)(factors, { defaults, common: fixed }),
    async openLayer(layer) {
      opened.push(layer);
      const own = layer === base.layer ? engine : await createEngine(encoder, { target: layerTensor(layer, layers) });
      return {
        engine: watched(own),
        encoder: { target: layer },
        close: async () => {
          closed.push(layer);
          if (own !== engine) await own.close();
        },
      };
    },
    ...more,
  });
}

/** What a run with these settings predicts, by itself. */
async function direct(
  variant: FeatureVariant,
  set: string,
  { seed = 0, on = engine, ...knn }: KnnOptions & { seed?: number; on?: GradientEngine } = {},
): Promise<readonly string[]> {
  const pools = drawPools(
    train.map(({ label }) => label),
    { seeds: [seed] },
  );
  const texts = { train: train.map(({ input }) => input), test: test.map(({ input }) => input), pools };
  const made = await FeatureRows.encode(on, { ...texts, ...variant });
  try {
    const classifier = knnClassifier({ k: 3, dims: 8, ...knn });
    const [found] = await classifyRows(made, { train, test, classifier, sets: [parseFeatureSet(set)], pools });
    return found!.predicted;
  } finally {
    await made.close();
  }
}

const predictions = (ablation: Ablation): Record<string, readonly string[]> =>
  Object.fromEntries(
    ablation.runs.map(({ level, features, runs }) => [`${level.name} ${features}`, runs[0]!.predicted]),
  );
const freshCache = () => ({ folder: join(folder, String(made++)) });

describe('ablate', () => {
  it('has at each level what a run with its settings has', async () => {
    const found = predictions(
      await run({
        vary: [
          'head=none',
          'normalise=false',
          'latent=6',
          'temperature=2',
          'weight=3',
          'mode=reference',
          'projection=khatri-rao,sparse',
          'width=5',
          'reducer=none,gaussian',
          'dims=4',
        ],
        features: ['kl'],
      }),
    );
    const kl = { name: 'kl' } as const;
    const nystrom = { kind: 'nystrom' } as const;
    const expected = {
      'default kl': await direct({ losses: [kl] }, 'kl'),
      'head=none kl': await direct({ losses: [{ ...kl, head: 'none' }] }, 'kl'),
      'normalise=false kl': await direct({ losses: [{ ...kl, normalise: false }] }, 'kl'),
      'latent=6 kl': await direct({ losses: [{ ...kl, latent: 6 }] }, 'kl'),
      'temperature=2 kl': await direct({ losses: [{ ...kl, temperature: 2 }] }, 'kl'),
      'weight=3 kl': await direct({ losses: [{ ...kl, weight: 3 }] }, 'kl'),
      'mode=reference kl': await direct({ losses: [kl], settings: { mode: 'reference' } }, 'kl'),
      'projection=khatri-rao kl': await direct(
        { losses: [kl], settings: { projection: { kind: 'khatri-rao' } } },
        'kl',
      ),
      'projection=sparse kl': await direct(
        { losses: [kl], settings: { projection: { kind: 'dense', entries: 'sparse' } } },
        'kl',
      ),
      'width=5 kl': await direct({ losses: [kl], settings: { projection: { ...nystrom, landmarks: 5 } } }, 'kl'),
      'reducer=none kl': await direct({ losses: [kl] }, 'kl', { reducer: 'none' }),
      'reducer=gaussian kl': await direct({ losses: [kl] }, 'kl', { reducer: 'gaussian' }),
      'dims=4 kl': await direct({ losses: [kl] }, 'kl', { dims: 4 }),
    };
    expect(found).toEqual(expected);
    // Levels that all came out the same would prove nothing.
    expect(new Set(Object.values(found).map((labels) => labels.join())).size).toBeGreaterThan(3);
  });

  it('has the levels of SimCLR, with the other loss at its defaults', async () => {
    const vary = ['views=2,3', 'deletion=0.4', 'negatives=4'];
    const common = ['negatives=5', 'views=4'];
    const found = predictions(await run({ loss: 'simclr', vary, common, features: ['kl+simclr'] }));
    const base = { name: 'simclr', views: 4, negativeItems: 5 } as const;
    const at = (more: object): Promise<readonly string[]> =>
      direct({ losses: [{ name: 'kl' }, { ...base, ...more }] }, 'kl+simclr');
    expect(found).toEqual({
      'default kl+simclr': await at({}),
      'views=2 kl+simclr': await at({ views: 2 }),
      'views=3 kl+simclr': await at({ views: 3 }),
      'deletion=0.4 kl+simclr': await at({ deletion: 0.4 }),
      'negatives=4 kl+simclr': await at({ negativeItems: 4 }),
    });
  });

  it('takes the gradient of every layer, opens each once and closes it', async () => {
    const ablation = await run({ vary: ['layer=all'], features: ['only:kl'] });
    const last = layerName(engine.info.target.tensor, layers);
    expect(ablation.failed).toEqual([]);
    expect(opened).toEqual([last, ...layers.map(({ name }) => name).filter((name) => name !== last)]);
    expect(closed).toEqual(opened);
    for (const { level, runs } of ablation.runs) {
      const tensor = layerTensor(level.varied.layer!, layers);
      const own = await createEngine(encoder, { target: tensor });
      expect(runs[0]!.predicted).toEqual(await direct({ losses: [{ name: 'kl' }] }, 'only:kl', { on: own }));
      await own.close();
    }
  });

  it('makes features of all seeds', async () => {
    const { runs } = await run({ vary: ['temperature=2'], features: ['kl'], seeds: [0, 3] });
    const losses = [{ name: 'kl' as const, temperature: 2 }];
    expect(runs[1]!.runs.map(({ seed }) => seed)).toEqual([0, 3]);
    expect(runs[1]!.runs[1]!.predicted).toEqual(await direct({ losses }, 'kl', { seed: 3 }));
  });

  it('encodes each text once for all levels of a layer', async () => {
    // No landmarks and no negatives: nothing but the rows is encoded.
    await run({ vary: ['head=none', 'temperature=1,2', 'width=4'], common: ['projection=khatri-rao'] });
    expect([...encoded].sort()).toEqual([...new Set(rows.map(({ input }) => input))].sort());
  });

  it('encodes nothing the second time, whatever the layer', async () => {
    const cache = freshCache();
    const vary = ['layer=all', 'head=none', 'dims=4'];
    const first = await run({ vary, cache });
    expect(encoded.length).toBeGreaterThan(0);
    const second = await run({ vary, cache });
    expect(encoded).toEqual([]);
    expect(predictions(second)).toEqual(predictions(first));
    // One embedding for all layers, then a block for each layer and one for the head.
    expect((await readdir(cache.folder)).filter((name) => name.endsWith('.blocks'))).toHaveLength(
      1 + layers.length + 1,
    );
  });

  it('leaves nothing behind without a cache', async () => {
    const scratch = await mkdtemp(join(folder, 'tmp-'));
    vi.stubEnv('TMPDIR', scratch);
    let during: string[] = [];
    await run({ vary: ['dims=4'], onProgress: () => (during = readdirSync(scratch)) });
    expect(during).toHaveLength(1);
    expect(readdirSync(scratch)).toEqual([]);
    vi.unstubAllEnvs();
  });

  it('gives runs of the same settings the same key, and others another', async () => {
    const { runs } = await run({
      vary: ['weight=2', 'head=none', 'dims=4', 'layer=0.mlp', 'normalise=false'],
      features: ['embedding', 'only:kl', 'kl'],
    });
    const keyOf = (level: string, features: string): string =>
      runs.find((one) => one.level.name === level && one.features === features)!.key;
    const levels = ['default', 'weight=2', 'head=none', 'dims=4', 'layer=0.mlp', 'normalise=false'];
    const same = (features: string): string[] =>
      levels.filter((level) => keyOf(level, features) === keyOf('default', features));
    expect(same('embedding')).toEqual(levels.filter((level) => level !== 'dims=4'));
    // Alone, a block's length changes no order.
    expect(same('only:kl')).toEqual(['default', 'weight=2']);
    expect(same('kl')).toEqual(['default']);
  });

  it('knows that SimCLR without a head has nothing to normalise', async () => {
    const vary = ['head=linear,none', 'normalise=true,false'];
    const { runs } = await run({ loss: 'simclr', vary, common: ['views=2', 'negatives=3'], cross: true });
    const keys = runs
      .filter(({ features }) => features === 'simclr')
      .map(({ level, key }) => [level.name, key] as const);
    const byName = new Map(keys);
    expect(byName.get('head=none, normalise=true')).toBe(byName.get('head=none, normalise=false'));
    expect(new Set(byName.values()).size).toBe(3);
  });

  it('reports a level that fails, and goes on', async () => {
    const { failed, runs } = await run({ vary: ['temperature=1e-9,2'], features: ['kl'] });
    expect(failed.map(({ level, error }) => [level.name, error.code])).toEqual([
      ['temperature=1e-9', 'INVALID_ARGUMENT'],
    ]);
    expect(runs.map(({ level }) => level.name)).toEqual(['default', 'temperature=2']);
    expect(runs[1]!.runs[0]!.predicted).toEqual(await direct({ losses: [{ name: 'kl', temperature: 2 }] }, 'kl'));
  });

  it('reports a layer that cannot be opened, and goes on', async () => {
    const ablation = await run({ vary: ['layer=0.mlp'] });
    const broken = await ablate({
      ...{ train, test, base: { loss: 'kl', features: ['kl'], dims: 8, layer: 'last' }, seeds: [0], k: 3 },
      levels: ablation.runs.map(({ level }) => level).filter((level, i, all) => all.indexOf(level) === i),
      openLayer: (layer) =>
        layer === 'last'
          ? Promise.resolve({ engine, encoder: '', close: () => Promise.resolve() })
          : createEngine(encoder, { target: 'nowhere' }).then(() => Promise.reject(new Error('there is none'))),
    });
    expect(broken.failed.map(({ level, error }) => [level.name, error.code])).toEqual([
      ['layer=0.mlp', 'TARGET_NOT_FOUND'],
    ]);
    expect(broken.runs.map(({ level }) => level.name)).toEqual(['default']);
  });

  it('does not go on without the default setting', async () => {
    await expect(run({ vary: ['dims=4'], common: ['temperature=1e-9'] })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
    expect(closed).toEqual(opened);
  });

  it.each([
    [['latent=4'], ['head=none'], /^latent=4: .*width of a head/s],
    [['reducer=sparse'], ['dims=64'], /nothing to reduce: "only:kl" has 16 features/],
    [['reducer=binary'], ['dims=32', 'projection=khatri-rao'], /"only:kl" has 32 features/],
  ])('refuses %j with %j before the work', async (vary, common, message) => {
    await expect(run({ vary, common })).rejects.toThrow(message);
    await expect(run({ vary, common })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(encoded).toEqual([]);
  });

  it('times features where asked, once for what costs the same', async () => {
    const timed = test.slice(0, 2).map(({ input }) => input);
    const { runs } = await run({ vary: ['dims=4', 'head=none'], timed });
    const secondsOf = (level: string, set: string): number | null =>
      runs.find((one) => one.level.name === level && one.features === set)!.secondsPerText;
    expect(secondsOf('default', 'kl')).toBeGreaterThan(0);
    expect(secondsOf('dims=4', 'kl')).toBe(secondsOf('default', 'kl'));
    expect(secondsOf('head=none', 'kl')).not.toBe(secondsOf('default', 'kl'));
    expect((await run({ vary: ['dims=4'] })).runs.map(({ secondsPerText }) => secondsPerText)).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it('tells which level it is at', async () => {
    const stages = new Set<string>();
    await run({ vary: ['layer=0.mlp', 'dims=4'], onProgress: ({ stage }) => stages.add(stage) });
    expect([...stages]).toEqual(
      expect.arrayContaining([
        'layer 1 of 2: features',
        'level 1 of 3 (default): classify',
        'level 2 of 3 (dims=4): classify',
        'layer 2 of 2: features',
        'level 3 of 3 (layer=0.mlp): classify',
      ]),
    );
  });
});
