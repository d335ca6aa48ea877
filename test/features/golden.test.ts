/** Projected blocks and final features against PyTorch (test/golden/README.md). */
import { describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { denseProjection } from '../../src/features/dense-projection.js';
import { featureLayout, placeBlock } from '../../src/features/layout.js';
import { featureSpec } from '../../src/features/spec.js';
import { kl } from '../../src/losses/kl.js';
import type { Mode } from '../../src/losses/loss.js';
import { simclr } from '../../src/losses/simclr.js';
import { fixture, relativeError, values, type GoldenArray } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import { tinyBert, tinyBertArtefacts } from '../support/tiny-bert.js';

interface FeatureCase {
  readonly hiddenAct: string;
  readonly pooling: Pooling;
  readonly mode: Mode;
  readonly losses: readonly ('kl' | 'simclr')[];
  readonly feature: GoldenArray;
}

const TOLERANCE = 1e-4;
const [D, M] = [32, 10];
const FILES: Record<string, string> = { gelu: 'op17-erf', gelu_new: 'op17-tanh' };
const projection = values(tinyBert.projection);

/** R [M, O·(I+1)] of the fixture, by rows of the gradient. */
const goldenSigns = (row: number): Float32Array =>
  Float32Array.from({ length: (D + 1) * M }, (_, at) => {
    const [column, m] = [row * (D + 1) + Math.floor(at / M), at % M];
    return projection[m * D * (D + 1) + column]!;
  });

describe('final features', () => {
  const cases = tinyBert.features as FeatureCase[];
  it.each(cases.map((c) => [`${c.hiddenAct} ${c.pooling} ${c.mode} ${c.losses.join('+')}`, c] as const))(
    '%s',
    async (_, testCase) => {
      const { hiddenAct, pooling, mode } = testCase;
      const engine = await createEngine(idEncoder(fixture(`fungi/tiny-bert/${FILES[hiddenAct]!}.onnx`), pooling));
      const [items] = testCase.feature.shape as [number];
      const texts = tinyBert.texts.slice(0, items);
      const spec = featureSpec({ mode, losses: testCase.losses.map((name) => ({ name })) });
      const layout = featureLayout(spec, D, { kl: M, simclr: M });
      const rows = new Float32Array(items * layout.width);
      const project = denseProjection(engine.info.target, M, goldenSigns);
      for (const name of testCase.losses) {
        const loss = name === 'kl' ? kl({ mode, latent: 24 }) : simclr({ mode, latent: 16, views: 4, negatives: 6 });
        const views = name === 'kl' ? texts.map((text) => [text]) : tinyBert.views.slice(0, items);
        const states = await engine.encode(views.flat().map(asItem));
        const program = await engine.program({ loss, gradient: { kind: 'factors' } }, tinyBertArtefacts(name));
        let place = 0;
        const { factors } = await program.run(
          states,
          views.map((item) => item.map(() => place++)),
        );
        placeBlock(rows, layout, name, await project(factors));
      }
      const states = await engine.encode(texts.map(asItem));
      const { pooled } = await (
        await engine.program({})
      ).run(
        states,
        texts.map((_text, i) => [i]),
      );
      placeBlock(rows, layout, 'embedding', pooled);
      await engine.close();
      expect(relativeError(rows, values(testCase.feature))).toBeLessThan(TOLERANCE);
    },
  );
});
