/** Which of the candidates kept so far one more would repeat. Axes: c candidates of P dimensions. */
import { squareOf, type Metric } from '../retrieve/distance.js';
import type { Candidate } from './candidate.js';

/** Relative rounding of distances that come from elsewhere. */
const SLACK = 1e-5;

/** Components that are kept side by side: the first of a reduced feature vary most, so that few pairs are compared in more of them. */
const HEAD = 8;

/** Components between two looks at the limit. */
const STRIDE = 16;

/**
 * Candidates that were kept, to be asked for one within a distance of another.
 *
 * Most pairs are ruled out without a look at their vectors, by the triangle inequality over their distances from the query, or by a few components.
 */
export class NearDuplicates {
  private readonly kept: Candidate[] = [];
  /** [c] of each kept one: its length from the query, in which the triangle inequality holds. */
  private readonly reaches: Float64Array;
  /** [c] what its vector is multiplied by. */
  private readonly scales: Float64Array;
  /** [c,HEAD] its first components, scaled. */
  private readonly heads: Float64Array;
  private readonly most: number;
  private readonly isCosine: boolean;

  /**
   * @param capacity candidates that may be kept, c
   * @param limit distance at most of two that are near, by the metric
   */
  constructor(capacity: number, limit: number, metric: Metric) {
    this.isCosine = metric === 'cosine';
    this.most = this.reachOf(limit);
    this.reaches = new Float64Array(capacity);
    this.scales = new Float64Array(capacity);
    this.heads = new Float64Array(capacity * HEAD);
  }

  /** The first of the kept that is near; the candidate is kept where none is. */
  findOrKeep(candidate: Candidate): Candidate | undefined {
    const scale = this.scaleOf(candidate);
    if (scale === Infinity) return undefined;
    const { kept, reaches, scales, heads, most } = this;
    const limit = most * most;
    const reach = this.reachOf(candidate.distance);
    const head = headOf(candidate.vector, scale);
    for (let i = 0; i < kept.length; i++) {
      const other = reaches[i]!;
      if (Math.abs(other - reach) > most + SLACK * Math.max(other, reach, most)) continue;
      let square = 0;
      for (let j = 0, at = i * HEAD; j < HEAD; j++, at++) {
        const difference = heads[at]! - head[j]!;
        square += difference * difference;
      }
      if (square <= limit && isWithin(kept[i]!.vector, scales[i]!, candidate.vector, scale, square, limit))
        return kept[i];
    }
    const i = kept.push(candidate) - 1;
    reaches[i] = reach;
    scales[i] = scale;
    heads.set(head, i * HEAD);
    return undefined;
  }

  /** Of unit vectors the chord ‖u − v‖ = √(2(1 − cos)), for which the triangle inequality holds. */
  private reachOf(distance: number): number {
    return this.isCosine ? Math.sqrt(2 * distance) : distance;
  }

  /** Infinite for a zero vector under cosine: it has no direction, and is near nothing. */
  private scaleOf({ vector }: Candidate): number {
    return this.isCosine ? 1 / Math.sqrt(squareOf(vector)) : 1;
  }
}

function headOf(vector: Float32Array, scale: number): Float64Array {
  const head = new Float64Array(HEAD);
  const width = Math.min(HEAD, vector.length);
  for (let j = 0; j < width; j++) head[j] = scale * vector[j]!;
  return head;
}

/**
 * Whether ‖own·a − other·b‖² ≤ limit: known early where it is not.
 *
 * @param square the sum over the first components
 */
function isWithin(
  a: Float32Array,
  own: number,
  b: Float32Array,
  other: number,
  square: number,
  limit: number,
): boolean {
  for (let start = HEAD; start < a.length && square <= limit; start += STRIDE) {
    const end = Math.min(a.length, start + STRIDE);
    for (let j = start; j < end; j++) {
      const difference = own * a[j]! - other * b[j]!;
      square += difference * difference;
    }
  }
  return square <= limit;
}
