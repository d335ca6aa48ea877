/**
 * Nyström features of gradients (Williams & Seeger 2001; ours, in place of the paper's random projection).
 *
 * Inner products of whole gradients need no gradient: ⟨δ⊗x, δ′⊗x′⟩ = (δ·δ′)(x·x′). With the gradients of some pool items as
 * landmarks g_j and K_ij = ⟨g_i, g_j⟩, the map g ↦ [⟨g, g_j⟩]_j·W with W·Wᵀ = K⁻¹ is the orthogonal projection onto the span of
 * the landmarks: distances there are exact, and nothing of size O×I is ever built.
 */
import { FungiError } from '../core/errors.js';
import type { Artefacts, EngineInfo } from '../engine/engine.js';
import { inverseTranspose, pivotedCholesky } from '../reduce/cholesky.js';
import { matmul } from '../runtime/linalg.js';
import type { LowRank } from './low-rank.js';

/** A landmark is dropped when the others explain all but this share of it: near-duplicates would only amplify rounding. */
const RESIDUAL = 1e-3;

/**
 * @param landmarks gradients of pool items, of unit norm and low rank
 * @returns `left` [O,J], `right` [I,J], `bias` [J] and `mix` [M,M], J = M·rank
 * @throws {FungiError} INVALID_DATA when there is none
 */
export async function landmarkProjection(
  landmarks: readonly LowRank[],
  target: EngineInfo['target'],
): Promise<Artefacts> {
  if (landmarks.length === 0) {
    throw new FungiError('INVALID_DATA', 'none of the landmark texts has a gradient other than zero');
  }
  const terms = Math.max(...landmarks.map(({ bias }) => bias.length));
  const kernel = await gram(landmarks, target, terms);
  const { pivots, rank: kept, factor } = pivotedCholesky(kernel, landmarks.length, RESIDUAL);
  const chosen = Array.from(pivots, (pivot) => landmarks[pivot]!);
  return {
    ...columns(chosen, target, terms),
    mix: { data: Float32Array.from(inverseTranspose(factor, kept)), shape: [kept, kept] },
  };
}

/** K [m,m] of unit-norm landmarks: Σ_rs (l_ir·l_js)(r_ir·r_js + c_ir·c_js). */
async function gram(landmarks: readonly LowRank[], target: EngineInfo['target'], terms: number): Promise<Float64Array> {
  const m = landmarks.length;
  const rows = m * terms;
  const stack = (part: 'left' | 'right' | 'bias', width: number): Float64Array => {
    const out = new Float64Array(rows * width);
    landmarks.forEach((landmark, i) => {
      out.set(landmark[part], i * terms * width);
    });
    return out;
  };
  const product = async (part: 'left' | 'right', width: number): Promise<Float64Array> => {
    const matrix = stack(part, width);
    return matmul(matrix, matrix, { m: rows, k: width, n: rows, transB: true });
  };
  const left = await product('left', target.outFeatures);
  const right = await product('right', target.inFeatures);
  const bias = stack('bias', 1);
  const kernel = new Float64Array(m * m);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < rows; j++) {
      const at = i * rows + j;
      const value = left[at]! * (right[at]! + bias[i]! * bias[j]!);
      kernel[Math.floor(i / terms) * m + Math.floor(j / terms)]! += value;
    }
  }
  return kernel;
}

/** Landmarks side by side, as the projection graph takes them: column j·terms + r is term r of landmark j, zero if it has fewer. */
function columns(
  landmarks: readonly LowRank[],
  { outFeatures, inFeatures }: EngineInfo['target'],
  terms: number,
): Artefacts {
  const count = landmarks.length * terms;
  const transposed = (part: 'left' | 'right' | 'bias', width: number): Float32Array => {
    const out = new Float32Array(width * count);
    landmarks.forEach((landmark, j) => {
      const values = landmark[part];
      for (let r = 0; r < values.length / width; r++)
        for (let i = 0; i < width; i++) out[i * count + j * terms + r] = values[r * width + i]!;
    });
    return out;
  };
  return {
    left: { data: transposed('left', outFeatures), shape: [outFeatures, count] },
    right: { data: transposed('right', inFeatures), shape: [inFeatures, count] },
    bias: { data: transposed('bias', 1), shape: [count] },
  };
}
