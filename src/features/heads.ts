/** Frozen random heads, drawn from the index's seed. */
import { Rng } from '../core/rng.js';
import type { Artefact, EngineInfo } from '../engine/engine.js';
import { drawDeepClusterHead } from '../losses/deepcluster.js';
import { lossOf, type LossSpec } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';

/** What ends the name of a tensor that is drawn: the others are made of the pool. */
const DRAWN = /(^|\.)head\.(weight|bias)$/;

/**
 * A loss's heads: weight and bias from U(±1/√D), as PyTorch's Linear draws them, DeepCluster's with columns of unit length; nothing
 * without a head.
 */
export function heads(loss: LossSpec, { seed, mode }: FeatureSpec, info: EngineInfo): Record<string, Artefact> {
  const { dims } = info;
  const shapes = Object.entries(lossOf(loss, mode, {}, info).artefacts(dims)).filter(([name]) => DRAWN.test(name));
  return Object.fromEntries(
    shapes.map(([name, shape]) => {
      const rng = Rng.stream(seed, loss.name, name);
      const data =
        loss.name === 'deepcluster'
          ? drawDeepClusterHead(rng, dims, loss.latent)
          : rng.uniform(
              shape.reduce((a, b) => a * b, 1),
              1 / Math.sqrt(dims),
            );
      return [`${loss.name}.${name}`, { data, shape }];
    }),
  );
}
