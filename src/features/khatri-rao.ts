/** Random ±1 directions of rank 1, l ⊗ [r; c]: the columns of a Khatri–Rao product. */
import { Rng } from '../core/rng.js';
import type { Artefact, Artefacts, EngineInfo } from '../engine/engine.js';

/**
 * @param width M
 * @returns `left` [O,M], `right` [I,M] and `bias` [M], zeros for a layer without one
 */
export function khatriRaoProjection(seed: number, target: EngineInfo['target'], width: number): Artefacts {
  const signs = (part: string, rows: number): Artefact => ({
    data: Rng.stream(seed, 'projection', part).signs(rows * width),
    shape: [rows, width],
  });
  const bias = Rng.stream(seed, 'projection', 'bias').signs(width);
  return {
    left: signs('left', target.outFeatures),
    right: signs('right', target.inFeatures),
    bias: { data: target.bias ? bias : new Float32Array(width), shape: [width] },
  };
}
