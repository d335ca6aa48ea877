/** Statistics of feature rows, restricted to some of their blocks: rows are taken in once, whichever blocks are compared. */
import type { Moments } from '../reduce/covariance.js';
import type { Sample } from '../reduce/labelled-statistics.js';
import type { ClassSums } from '../reduce/scatter.js';

/** Columns start … start + width − 1 of a feature row. */
export interface FeatureBlock {
  /** A loss's name, or "embedding". */
  readonly name: string;
  readonly start: number;
  readonly width: number;
}

/** The embedding and the blocks of these losses, in the order of the row. */
export const blocksOf = <B extends FeatureBlock>(blocks: readonly B[], losses: readonly string[]): B[] =>
  blocks.filter(({ name }) => name === 'embedding' || losses.includes(name));

export const columnsOf = (blocks: readonly FeatureBlock[]): Int32Array =>
  Int32Array.from(blocks.flatMap(({ start, width }) => Array.from({ length: width }, (_, j) => start + j)));

/** [n,F] → [n,columns] */
export function takeColumns<T extends Float32Array | Float64Array>(rows: T, width: number, columns: Int32Array): T {
  const own = columns.length;
  const out = new (rows.constructor as new (length: number) => T)((rows.length / width) * own);
  for (let row = 0, to = 0; row < rows.length; row += width) {
    for (let j = 0; j < own; j++) out[to++] = rows[row + columns[j]!]!;
  }
  return out;
}

/** [F,F] → [columns,columns] */
function takeSquare(matrix: Float64Array, width: number, columns: Int32Array): Float64Array {
  const own = columns.length;
  const out = new Float64Array(own * own);
  for (let i = 0; i < own; i++) {
    for (let j = 0; j < own; j++) out[i * own + j] = matrix[columns[i]! * width + columns[j]!]!;
  }
  return out;
}

export function sumsOf({ shift, counts, sums, products }: ClassSums, columns: Int32Array): ClassSums {
  const width = shift.length;
  return {
    counts,
    shift: takeColumns(shift, width, columns),
    sums: takeColumns(sums, width, columns),
    products: takeSquare(products, width, columns),
  };
}

export const sampleOf = ({ rows, ...rest }: Sample, width: number, columns: Int32Array): Sample => ({
  rows: takeColumns(rows, width, columns),
  ...rest,
});

export function momentsOf({ mean, covariance, rows }: Moments, columns: Int32Array): Moments {
  const width = mean.length;
  return { rows, mean: takeColumns(mean, width, columns), covariance: takeSquare(covariance, width, columns) };
}
