/** Features under the settings that the paper's ablations vary. */
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { featureSpec, type FeatureOptions } from '../../src/features/spec.js';
import { Rng } from '../../src/core/rng.js';
import { wordDeletion } from '../../src/views/word-deletion.js';
import { fixture, relativeError } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';

const MODEL = fixture('sources/eager.onnx');
const D = 16;
const SEED = 3;
const SIMCLR = { name: 'simclr', views: 3, negativeItems: 4, negativeViews: 2, deletion: 0.2 } as const;

/** 12 items of 3 to 20 ids. */
const pool: readonly string[] = Array.from({ length: 12 }, (_, i) => {
  const rng = Rng.stream(5, 'ablations', i);
  return ['1', ...Array.from({ length: 1 + rng.int(18) }, () => String(4 + rng.int(36))), '2'].join(' ');
});

async function withEngine<T>(use: (engine: GradientEngine) => Promise<T>, target?: string): Promise<T> {
  const engine = await createEngine(idEncoder(MODEL, 'first'), target === undefined ? {} : { target });
  try {
    return await use(engine);
  } finally {
    await engine.close();
  }
}

async function rowsOf(engine: GradientEngine, options: FeatureOptions, items: readonly string[][]) {
  const spec = featureSpec({ seed: SEED, ...options });
  const extractor = await FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, pool));
  const rows: Float32Array[] = [];
  for (const batch of items) rows.push((await extractor.extract(batch)).rows);
  return { width: extractor.layout.width, blocks: extractor.layout.blocks, rows };
}

describe('the negative batch', () => {
  const unit = (row: readonly number[]): number[] => row.map((value) => value / Math.hypot(...row));

  it.each([{ head: 'linear', normalise: false }, { head: 'linear', normalise: true }, { head: 'none' }] as const)(
    'holds latents of the loss’s own head: %j',
    async (form) => {
      await withEngine(async (engine) => {
        const spec = featureSpec({ seed: SEED, losses: [{ ...SIMCLR, ...form }], projection: { kind: 'dense' } });
        const { tensors } = await buildArtefacts(engine, spec, pool);
        const picks = Rng.stream(SEED, 'simclr', 'negatives').sample(pool.length, 4);
        const maker = wordDeletion({ count: 2, seed: SEED, mode: 'paper', p: 0.2, purpose: 'negative' });
        const views = picks.flatMap((pick) => maker.views(pool[pick]!));
        const states = await engine.encode(views);
        const { pooled } = await (
          await engine.program({})
        ).run(
          states,
          views.map((_, i) => [i]),
        );
        const [weight, bias] = [tensors['simclr.head.weight'], tensors['simclr.head.bias']];
        expect(weight === undefined).toBe(form.head === 'none');
        const L = form.head === 'none' ? D : 256;
        const expected = views.map((_, n) => {
          const f = [...pooled.subarray(n * D, (n + 1) * D)];
          const ready = 'normalise' in form && form.normalise ? unit(f) : f;
          const z = weight
            ? Array.from(bias!.data, (b, l) =>
                ready.reduce((sum, value, d) => sum + value * weight.data[d * L + l]!, b),
              )
            : ready;
          return unit(z);
        });
        const { data, shape } = tensors['simclr.negatives']!;
        expect(shape).toEqual([L, views.length]);
        const columns = expected.flatMap((_, n) => Array.from({ length: L }, (__, l) => data[l * views.length + n]!));
        expect(relativeError(columns, expected.flat())).toBeLessThan(1e-5);
      });
    },
  );
});

describe('features', () => {
  const forms: readonly NonNullable<FeatureOptions['losses']>[number][] = [
    { name: 'kl', head: 'none' },
    { name: 'kl', normalise: false },
    { name: 'kl', head: 'none', normalise: false },
    { ...SIMCLR, head: 'none' },
    { ...SIMCLR, normalise: true },
  ];
  const projections: readonly NonNullable<FeatureOptions['projection']>[] = [
    { kind: 'nystrom', landmarks: 12 },
    { kind: 'khatri-rao', width: 20 },
    ...(['binary', 'gaussian', 'sparse'] as const).map((entries) => ({ kind: 'dense', width: 20, entries }) as const),
  ];

  it.each(forms)('are another with another head, and unit blocks under it: %j', async (loss) => {
    await withEngine(async (engine) => {
      const projection = projections[1]!;
      const own = await rowsOf(engine, { losses: [loss], projection }, [[...pool]]);
      const plain = loss.name === 'kl' ? ({ name: 'kl' } as const) : SIMCLR;
      const usual = await rowsOf(engine, { losses: [plain], projection }, [[...pool]]);
      const block = (rows: Float32Array, i: number): Float32Array => rows.subarray(i * own.width, i * own.width + 20);
      pool.forEach((_, i) => {
        expect(Math.hypot(...block(own.rows[0]!, i))).toBeCloseTo(1, 5);
        expect(relativeError(block(own.rows[0]!, i), block(usual.rows[0]!, i))).toBeGreaterThan(1e-3);
      });
    });
  });

  it.each(projections)(
    'of a layer before the last attention are an item’s own, whatever it is computed with: %j',
    async (projection) => {
      const [first] = await gradientSources(idEncoder(MODEL, 'first'));
      await withEngine(async (engine) => {
        expect(engine.info).toMatchObject({ sliced: false, target: { tensor: first!.name } });
        const losses = [{ name: 'kl' }, SIMCLR] as const;
        const alone = pool.map((item) => [item]);
        const { rows, width } = await rowsOf(engine, { losses: [...losses], projection }, [
          [...pool],
          pool.toReversed(),
          ...alone,
        ]);
        const [together, reversed, ...single] = rows as [Float32Array, Float32Array, ...Float32Array[]];
        pool.forEach((_, i) => {
          const row = together.subarray(i * width, (i + 1) * width);
          const at = pool.length - 1 - i;
          expect(relativeError(reversed.subarray(at * width, (at + 1) * width), row)).toBeLessThan(1e-4);
          expect(relativeError(single[i]!, row)).toBeLessThan(1e-4);
        });
      }, first!.name);
    },
  );

  it('of different entries of the projection differ', async () => {
    await withEngine(async (engine) => {
      const made = [];
      for (const projection of projections.slice(2))
        made.push(await rowsOf(engine, { losses: [{ name: 'kl' }], projection }, [[...pool]]));
      const [binary, gaussian, sparse] = made.map(({ rows }) => rows[0]!);
      expect(relativeError(gaussian!, binary!)).toBeGreaterThan(0.1);
      expect(relativeError(sparse!, binary!)).toBeGreaterThan(0.1);
      expect(relativeError(sparse!, gaussian!)).toBeGreaterThan(0.1);
    });
  });
});

describe('a temperature', () => {
  const at = (temperature: number, projection: NonNullable<FeatureOptions['projection']>) =>
    withEngine((engine) => rowsOf(engine, { losses: [{ name: 'kl', temperature }], projection }, [[...pool]]));
  const projections = [
    { kind: 'nystrom', landmarks: 4 },
    { kind: 'khatri-rao', width: 8 },
    { kind: 'dense', width: 8 },
  ] as const;

  it.each(projections)('at which the loss overflows is refused, never made features of: %j', async (projection) => {
    await expect(at(1e-5, projection)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(/^ids: the kl loss of item \d+ is NaN: at this temperature/) as string,
      hint: expect.stringContaining('higher temperature') as string,
    });
  });

  it.each([0.01, 1, 1e6])('of %d gives unit blocks', async (temperature) => {
    const { rows, width } = await at(temperature, projections[1]);
    pool.forEach((_, i) => {
      expect(Math.hypot(...rows[0]!.subarray(i * width, i * width + 8))).toBeCloseTo(1, 5);
    });
  });
});
