/**
 * From views to the block of one loss: f(x) through the frozen head, the loss (src/losses), its gradient with respect to the target
 * layer (src/engine/tail.ts derives it), and the projection to M numbers (paper equation 1), in each of the three ways it is made.
 */
import type { View } from '../core/content.js';
import type { Artefacts, GradientEngine, Program, ProgramResult } from '../engine/engine.js';
import { PROJECTION } from '../engine/projection.js';
import { projectionOwner, type FeatureArtefacts } from './frozen.js';
import { denseProjection, seededMatrix } from './dense-projection.js';
import { lossOf, viewsOf, type LossSpec } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';
import type { EncodedViews } from './distinct-views.js';
import { placedViews } from './placed-views.js';

/** The views of B items → f(x) of each view [B·V,D] and the projected gradient [B,M]. */
export type GradientStep = (
  encoded: EncodedViews,
  views: readonly (readonly View[])[],
) => Promise<{ readonly pooled: Float32Array; readonly block: Float32Array }>;

/** Compiles loss, derivative and projection into one step. */
export async function gradientStep(
  engine: GradientEngine,
  spec: FeatureSpec,
  lossSpec: LossSpec,
  { tensors, widths }: FeatureArtefacts,
): Promise<GradientStep> {
  const loss = lossOf(lossSpec, spec.mode, tensors, engine.info);
  const maker = viewsOf(lossSpec, spec, engine.info);
  const frozen: Artefacts = Object.fromEntries(
    Object.keys(loss.artefacts(engine.info.dims)).map((name) => [
      `${loss.name}.${name}`,
      tensors[`${loss.name}.${name}`]!,
    ]),
  );
  const runOn = (program: Program, ...[encoded, views]: Parameters<GradientStep>): Promise<ProgramResult> => {
    const { states, places } = placedViews(encoded, maker, views);
    return program.run(states, places);
  };

  if (spec.projection.kind === 'dense') {
    const program = await engine.program({ loss, gradient: { kind: 'factors' } }, frozen);
    const { target } = engine.info;
    const width = widths[loss.name]!;
    const { entries = 'binary' } = spec.projection;
    const project = denseProjection(target, width, seededMatrix(entries, spec.seed, target, width));
    return async (encoded, views) => {
      const { pooled, factors } = await runOn(program, encoded, views);
      return { pooled, block: await project(factors) };
    };
  }

  const owner = projectionOwner(spec, lossSpec);
  const [left, right, bias, mix] = ['left', 'right', 'bias', 'mix'].map((part) => tensors[`${owner}.${part}`]);
  const directions = bias!.shape[0]!;
  const count = mix?.shape[0] ?? directions;
  const mixed = mix && { mixed: mix.shape[1]! };
  const program = await engine.program(
    { loss, gradient: { kind: 'bilinear', count, rank: directions / count, ...mixed } },
    {
      ...frozen,
      [PROJECTION.left]: left!,
      [PROJECTION.right]: right!,
      [PROJECTION.bias]: bias!,
      ...(mix && { [PROJECTION.mix]: mix }),
    },
  );
  return (encoded, views) => runOn(program, encoded, views);
}
