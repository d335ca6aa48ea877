/**
 * A distance as the sum of what the blocks of a feature add to it, and who is near under each block alone.
 *
 * Distances are ‖Σ_b d_b‖², where d_b is by how much two features differ in block b, and that is Σ_b ⟨d, d_b⟩: the Shapley value of each block
 * where a set of blocks is worth the squared length of its sum. Before reduction blocks have columns of their own, and it is ‖d_b‖². A cosine
 * is the same of vectors at unit length, halved: 1 − cos = ½‖d‖².
 */
import { squareOf, type SearchMetric } from '../retrieve/distance.js';

/** What a block has to do with how far an example is from the query. */
export interface BlockShare {
  /** A loss's name, or `embedding`. */
  readonly block: string;
  /** Of the distance before reduction: from 0. */
  readonly before: number;
  /** Of the distance that chose the example; below 0 where the block draws it nearer against the others. */
  readonly after: number;
  /** By `before`, among the chosen, from 1. */
  readonly rank: number;
}

/** In squared distances under l2, else in 1 − cosine. */
export interface BlockSplit {
  /** Between the features before reduction: the sum of the blocks' `before`. */
  readonly before: number;
  /** In the space that chose the example: its distance, under l2 squared. The sum of the blocks' `after`. */
  readonly after: number;
  /** after − before: what reduction made of it. */
  readonly residual: number;
  /** In the order of the feature's blocks. */
  readonly blocks: readonly BlockShare[];
}

/** Columns of a feature, and their length ‖·‖₂ in it. */
export interface WeighedBlock {
  readonly name: string;
  readonly start: number;
  readonly width: number;
  readonly weight: number;
}

/** An item by the blocks of its feature. */
export interface ItemBlocks {
  /** Before reduction [F]. */
  readonly feature: Float32Array;
  /** What each block adds to the reduced feature, as it stands in the space of the choice [Bk,P]. */
  readonly parts: Float32Array;
}

/**
 * @param chosen by rank
 * @param blocks of a feature, Bk
 * @param metric of the space of the choice; before reduction `product` is a cosine
 * @returns one for each of `chosen`
 */
export function blockSplits(
  query: ItemBlocks,
  chosen: readonly ItemBlocks[],
  blocks: readonly WeighedBlock[],
  metric: SearchMetric,
): BlockSplit[] {
  const before = chosen.map(({ feature }) => ownShares(query.feature, feature, blocks, metric));
  const after = chosen.map(({ parts }) => jointShares(query.parts, parts, blocks, metric));
  return chosen.map((_, i) => {
    const totals = { before: sumOf(before[i]!), after: sumOf(after[i]!) };
    return {
      ...totals,
      residual: totals.after - totals.before,
      blocks: blocks.map(({ name }, b) => ({
        block: name,
        before: before[i]![b]!,
        after: after[i]![b]!,
        rank: 1 + before.filter((other) => other[b]! < before[i]![b]!).length,
      })),
    };
  });
}

/** Of the distance of two features [F]. */
function ownShares(q: Float32Array, e: Float32Array, blocks: readonly WeighedBlock[], metric: SearchMetric): number[] {
  const [a, b] = metric === 'l2' ? [1, 1] : [unit(squareOf(q)), unit(squareOf(e))];
  const squares = blocks.map(({ start, width }) => {
    let square = 0;
    for (let j = start; j < start + width; j++) square += (q[j]! * a - e[j]! * b) ** 2;
    return square;
  });
  return metric === 'l2' ? squares : halved(squares, squareOf(q) * a * a, squareOf(e) * b * b, blocks);
}

/** Of the distance of two sums of parts [Bk,P]. */
function jointShares(
  q: Float32Array,
  e: Float32Array,
  blocks: readonly WeighedBlock[],
  metric: SearchMetric,
): number[] {
  const P = q.length / blocks.length;
  const [x, y] = [totalOf(q, P), totalOf(e, P)];
  const [a, b] = metric === 'cosine' ? [unit(squareOf(x)), unit(squareOf(y))] : [1, 1];
  const products = blocks.map((_, block) => {
    let product = 0;
    for (let j = 0, at = block * P; j < P; j++, at++) product += (x[j]! * a - y[j]! * b) * (q[at]! * a - e[at]! * b);
    return product;
  });
  return metric === 'l2' ? products : halved(products, squareOf(x) * a * a, squareOf(y) * b * b, blocks);
}

/**
 * 1 − ⟨x, y⟩ of shares of ‖x − y‖². A vector of zeros is at 1 to everything, and what its missing length adds has no block: each has of it
 * what it has of a feature.
 */
function halved(shares: readonly number[], xx: number, yy: number, blocks: readonly WeighedBlock[]): number[] {
  const rest = 1 - (xx + yy) / 2;
  const whole = blocks.reduce((sum, { weight }) => sum + weight * weight, 0);
  return shares.map((share, b) => share / 2 + (rest * blocks[b]!.weight ** 2) / whole);
}

/** What to multiply a vector of that squared length with for unit length. */
const unit = (square: number): number => (square === 0 ? 0 : 1 / Math.sqrt(square));

function totalOf(parts: Float32Array, P: number): Float64Array {
  const total = new Float64Array(P);
  for (let at = 0; at < parts.length; at++) total[at % P]! += parts[at]!;
  return total;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
