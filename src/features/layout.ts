/** Which columns of a feature row are which block: [gradients…, embedding] (paper equation 2). */
import type { FeatureSpec } from './spec.js';

export interface Block {
  /** A loss's name, or "embedding". */
  readonly name: string;
  readonly start: number;
  readonly width: number;
  /** ‖block‖₂ in the row. */
  readonly weight: number;
}

export interface FeatureLayout {
  readonly blocks: readonly Block[];
  /** F, the row's width. */
  readonly width: number;
}

/**
 * @param dims D
 * @param widths M of each loss's block
 */
export function featureLayout(
  spec: FeatureSpec,
  dims: number,
  widths: Readonly<Record<string, number>>,
): FeatureLayout {
  const blocks: Block[] = [];
  let start = 0;
  const place = (name: string, width: number, weight: number): void => {
    blocks.push({ name, start, width, weight });
    start += width;
  };
  for (const loss of spec.losses) place(loss.name, widths[loss.name]!, loss.weight);
  place('embedding', dims, spec.embeddingWeight);
  return { blocks, width: start };
}

/** Writes each row of `source` [n,width], at unit length times the block's weight, into its columns of `rows` [n,F]. */
export function placeBlock(rows: Float32Array, layout: FeatureLayout, name: string, source: Float32Array): void {
  const { start, width, weight } = layout.blocks.find((block) => block.name === name)!;
  const count = rows.length / layout.width;
  for (let row = 0; row < count; row++) {
    const values = source.subarray(row * width, (row + 1) * width);
    const scale = weight / (norm(values) || 1);
    const at = row * layout.width + start;
    for (let i = 0; i < width; i++) rows[at + i] = values[i]! * scale;
  }
}

/** ‖v‖₂, summed in float64: KL gradients at T = 15 are near 1e-8 and their squares near float32's floor. */
export function norm(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Math.sqrt(sum);
}
