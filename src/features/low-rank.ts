/** The leading singular pairs of one gradient, from its factors. */
import type { EngineInfo, Factors } from '../engine/engine.js';

/** Σ_k left_k ⊗ [right_k; bias_k], of unit Frobenius norm; fewer terms than asked for where the gradient has no more. */
export interface LowRank {
  /** [rank,O] */
  readonly left: Float64Array;
  /** [rank,I] */
  readonly right: Float64Array;
  /** [rank]; zeros when the layer has no bias. */
  readonly bias: Float64Array;
}

/** Rounds of subspace iteration: a landmark spans, it need not be a singular pair to the last digit. */
const ROUNDS = 8;

/**
 * The best approximation of G = Σ_r δ_r ⊗ [x_r; b] by at most `rank` terms, at unit norm; G itself when it has no more. Undefined
 * when G is zero.
 *
 * Subspace iteration v ← Gᵀ·(G·v) on the factors alone: O·I is never built.
 */
export function truncated(
  { delta, x, terms }: Factors,
  target: EngineInfo['target'],
  rank: number,
): LowRank | undefined {
  const { outFeatures: O, inFeatures: I } = target;
  const C = I + 1;
  const right = new Float64Array(terms * C); // [x_r; b]
  const left = Float64Array.from(delta);
  for (let r = 0; r < terms; r++) {
    for (let i = 0; i < I; i++) right[r * C + i] = x[r * I + i]!;
    right[r * C + I] = target.bias ? 1 : 0;
  }
  // Scaled to unit size first: KL gradients at T = 15 are near 1e-8.
  const largest = left.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest === 0) return undefined;
  for (let i = 0; i < left.length; i++) left[i]! /= largest;
  if (terms <= rank) return unit(left, right, terms, O, I);

  const v = start(left, right, terms, rank, O, C);
  const kept = v.length / C;
  let u = new Float64Array(0);
  for (let round = 0; round < ROUNDS; round++) {
    u = combine(products(right, v, terms, kept, C), left, terms, kept, O); // G·v
    if (round + 1 < ROUNDS) {
      v.set(combine(products(left, u, terms, kept, O), right, terms, kept, C)); // Gᵀ·u
      orthonormalise(v, kept, C);
    }
  }
  return unit(u, v, kept, O, I);
}

/**
 * Where the iteration begins: of the rows |δ_r|·[x_r; b] the longest, then whichever the chosen ones explain least. Rows that
 * repeat each other are taken once, so no direction is wasted; fewer than `rank` remain when the rows span no more.
 *
 * @returns orthonormal [kept,C]
 */
function start(
  left: Float64Array,
  right: Float64Array,
  terms: number,
  rank: number,
  O: number,
  C: number,
): Float64Array<ArrayBuffer> {
  const rest = Float64Array.from(right);
  const row = (r: number): Float64Array => rest.subarray(r * C, (r + 1) * C);
  const length = (values: Float64Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  for (let r = 0; r < terms; r++) {
    const weight = length(left.subarray(r * O, (r + 1) * O));
    row(r).forEach((value, i, own) => (own[i] = value * weight));
  }
  const chosen = new Float64Array(rank * C);
  let floor = 0;
  for (let k = 0; k < rank; k++) {
    const lengths = Array.from({ length: terms }, (_, r) => length(row(r)));
    const longest = lengths.indexOf(Math.max(...lengths));
    if (k === 0) floor = lengths[longest]! * 1e-10;
    if (lengths[longest]! <= floor) return chosen.slice(0, k * C);
    const direction = row(longest).map((value) => value / lengths[longest]!);
    chosen.set(direction, k * C);
    for (let r = 0; r < terms; r++) {
      const own = row(r);
      const overlap = own.reduce((sum, value, i) => sum + value * direction[i]!, 0);
      for (let i = 0; i < C; i++) own[i]! -= overlap * direction[i]!;
    }
  }
  return chosen;
}

/** a·bᵀ, [terms,rank]. */
function products(a: Float64Array, b: Float64Array, terms: number, rank: number, width: number): Float64Array {
  const out = new Float64Array(terms * rank);
  for (let r = 0; r < terms; r++)
    for (let k = 0; k < rank; k++) {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += a[r * width + i]! * b[k * width + i]!;
      out[r * rank + k] = sum;
    }
  return out;
}

/** weightsᵀ·rows, [rank,width]. */
function combine(
  weights: Float64Array,
  rows: Float64Array,
  terms: number,
  rank: number,
  width: number,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array(rank * width);
  for (let r = 0; r < terms; r++)
    for (let k = 0; k < rank; k++) {
      const weight = weights[r * rank + k]!;
      for (let i = 0; i < width; i++) out[k * width + i]! += weight * rows[r * width + i]!;
    }
  return out;
}

/** Gram–Schmidt, twice; a vector that the earlier ones explain becomes zero. */
function orthonormalise(rows: Float64Array, rank: number, width: number): void {
  for (let k = 0; k < rank; k++) {
    const row = rows.subarray(k * width, (k + 1) * width);
    const before = Math.hypot(...row);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const earlier = rows.subarray(j * width, (j + 1) * width);
        const overlap = row.reduce((sum, value, i) => sum + value * earlier[i]!, 0);
        for (let i = 0; i < width; i++) row[i]! -= overlap * earlier[i]!;
      }
    }
    const after = Math.hypot(...row);
    const scale = after > before * 1e-10 ? 1 / after : 0;
    for (let i = 0; i < width; i++) row[i]! *= scale;
  }
}

/** Splits [right; bias] and divides by the Frobenius norm, √Σ_rs (u_r·u_s)(v_r·v_s). */
function unit(u: Float64Array, v: Float64Array, rank: number, O: number, I: number): LowRank | undefined {
  const [uu, vv] = [products(u, u, rank, rank, O), products(v, v, rank, rank, I + 1)];
  const norm = Math.sqrt(uu.reduce((sum, value, i) => sum + value * vv[i]!, 0));
  if (norm === 0) return undefined;
  const right = new Float64Array(rank * I);
  const bias = new Float64Array(rank);
  for (let k = 0; k < rank; k++) {
    right.set(v.subarray(k * (I + 1), k * (I + 1) + I), k * I);
    bias[k] = v[k * (I + 1) + I]!;
  }
  return { left: u.map((value) => value / norm), right, bias };
}
