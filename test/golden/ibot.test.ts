/** iBOT through whole encoders on both engines, against PyTorch autograd in float64: given crops and masks, value and gradient. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Artefact, Artefacts, Factors, GradientEngine } from '../../src/engine/engine.js';
import { eachToken } from '../../src/engine/states.js';
import { ibot, type IbotOptions } from '../../src/losses/ibot.js';
import { fixture, readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { mediaEncoder } from '../support/media-encoder.js';
import { transposed } from '../support/tiny-bert.js';

interface Golden {
  readonly input: string;
  readonly step: number;
  readonly globals: number;
  readonly locals: number;
  readonly patches: number;
  readonly latent: number;
  /** Of each item and global crop. */
  readonly masks: readonly (readonly (readonly number[])[])[];
  /** [items, masked globals + locals + globals, 3, 16, 16] */
  readonly views: GoldenArray;
  readonly heads: Readonly<Record<string, { readonly weight: GoldenArray; readonly bias: GoldenArray }>>;
  readonly cases: readonly (Pick<IbotOptions, 'heads' | 'normalise' | 'teacherTemperature' | 'studentTemperature'> & {
    readonly value: GoldenArray;
    readonly gradient: GoldenArray;
  })[];
}

/** Σ_r δ_r ⊗ [x_r; 1], row-major. */
function dense({ delta, x, terms }: Factors): Float64Array {
  const [O, I] = [delta.length / terms, x.length / terms];
  const out = new Float64Array(O * (I + 1));
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < O; o++)
      for (let i = 0; i <= I; i++) out[o * (I + 1) + i]! += delta[r * O + o]! * (i === I ? 1 : x[r * I + i]!);
  return out;
}

const each = (['onnx', 'tfjs'] as const).flatMap((engine) =>
  (['vit', 'dinov2'] as const).flatMap((family) =>
    (['first', 'mean'] as const).map((pooling) => ({ engine, family, pooling })),
  ),
);

describe.each(each)('iBOT of $family, pooling $pooling, engine $engine', ({ engine: engineName, family, pooling }) => {
  const golden = readGolden(`ibot/${family}.json`) as Golden;
  const { globals, locals, patches, latent, masks } = golden;
  const crops = golden.views.shape[1]!;
  let engine: GradientEngine;
  beforeAll(async () => {
    const media = { ...golden, items: (readGolden(`media/${family}/expected.json`) as { items: GoldenArray }).items };
    engine = await createEngine(mediaEncoder(fixture(`media/${family}/model.onnx`), media, pooling), {
      ...{ engine: engineName, threads: 1 },
    });
  });
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- loading may have failed
  afterAll(() => engine?.close());

  it.each(golden.cases)(
    '$heads heads, normalise $normalise: value and gradient',
    async ({ value, gradient, ...form }) => {
      const loss = ibot({ globals, locals, patches, latent, ...form });
      const artefacts: Artefacts = Object.fromEntries(
        Object.entries(golden.heads).flatMap(([name, { weight, bias }]): [string, Artefact][] => [
          [`ibot.${name}.weight`, { data: transposed(weight), shape: weight.shape.toReversed() }],
          [`ibot.${name}.bias`, { data: Float32Array.from(values(bias)), shape: bias.shape }],
        ]),
      );
      const wanted = Object.fromEntries(
        Object.keys(loss.artefacts(engine.info.dims)).map((name) => [`ibot.${name}`, artefacts[`ibot.${name}`]!]),
      );
      const program = await engine.program({ loss, gradient: { kind: 'factors' } }, wanted);
      const [expectedValues, expectedGradients] = [values(value), values(gradient)];
      for (const order of [[0, 1], [1, 0], [1]]) {
        const names = order.flatMap((item) => Array.from({ length: crops }, (_, v) => `views/${item}/${v}`));
        const states = await engine.encode(names, undefined, 'tokens');
        const token = (place: number, number: number): number => states.offsets[place]! + number;
        const places = order.map((item, row) => {
          const first = row * crops;
          const classes = Array.from({ length: crops }, (_, v) => token(first + v, 0));
          const hidden = (offset: number): number[] =>
            masks[item]!.flatMap((own, g) => own.map((patch) => token(first + offset + g, 1 + patch)));
          return [...classes, ...hidden(0), ...hidden(globals + locals)];
        });
        const { loss: found, factors } = await program.run(eachToken(states), places);
        order.forEach((item, row) => {
          expect(Math.abs(found[row]! / expectedValues[item]! - 1)).toBeLessThan(1e-5);
          const own = expectedGradients.subarray(
            (item * expectedGradients.length) / 2,
            ((item + 1) * expectedGradients.length) / 2,
          );
          expect(relativeError(dense(factors[row]!), own)).toBeLessThan(1e-4);
        });
      }
    },
  );
});
