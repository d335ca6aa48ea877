/**
 * Linear centred kernel alignment (Kornblith et al. 2019): how alike two features of the same items are, whatever the rotation and
 * scale of each. 1 − CKA is the diversity of paper Figure 2. With X [n,P] and Y [n,Q] centred by column,
 *
 *   CKA = ‖YᵀX‖² / (‖XᵀX‖·‖YᵀY‖), Frobenius norms,
 *
 * where ‖YᵀX‖² is also the inner product of XXᵀ and YYᵀ: whichever takes fewer products is computed.
 */
import { FungiError } from '../../core/errors.js';
import { matmul, type LinalgOptions } from '../../runtime/linalg.js';
import { assertRows, type FeatureMatrix } from '../features/labelled-features.js';

/** A feature of the items, centred by column, in float64. */
interface Centred {
  /** [n,P] */
  readonly rows: Float64Array;
  readonly count: number;
  readonly dims: number;
}

/** What rounding leaves of rows that are all alike, as a share of their length. */
const CONSTANT = 1e-12;

/**
 * @param a features of the items [n,P]
 * @param b other features of the same items, in the same order [n,Q]
 * @returns 0 to 1
 * @throws {FungiError} INVALID_ARGUMENT when there are not as many rows; INVALID_DATA when all rows of one are alike, for what does not
 *   vary cannot be compared; INVALID_VECTOR
 */
export async function linearCka(a: FeatureMatrix, b: FeatureMatrix, runtime: LinalgOptions = {}): Promise<number> {
  assertSameItems([a, b]);
  const [x, y] = [centre(a, 0), centre(b, 1)];
  const own = [await alignment(x, x, runtime), await alignment(y, y, runtime)] as const;
  return Math.min(1, (await alignment(x, y, runtime)) / Math.sqrt(own[0] * own[1]));
}

/**
 * {@link linearCka} of each pair: the matrix of Figure 2. Two of the features are held in float64 at a time.
 *
 * @param features of the same items, in the same order [S] of [n,P]
 * @returns [S][S], symmetric, 1 on the diagonal
 * @throws {FungiError} INVALID_ARGUMENT for no features, and as {@link linearCka}
 */
export async function ckaMatrix(features: readonly FeatureMatrix[], runtime: LinalgOptions = {}): Promise<number[][]> {
  if (features.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there are no features to compare');
  assertSameItems(features);
  const own: number[] = [];
  for (const [i, one] of features.entries()) {
    const x = centre(one, i);
    own.push(await alignment(x, x, runtime));
  }
  const matrix = features.map(() => features.map(() => 1));
  for (let i = 0; i < features.length; i++) {
    const x = centre(features[i]!, i);
    for (let j = i + 1; j < features.length; j++) {
      const shared = await alignment(x, centre(features[j]!, j), runtime);
      matrix[i]![j] = matrix[j]![i] = Math.min(1, shared / Math.sqrt(own[i]! * own[j]!));
    }
  }
  return matrix;
}

/** ‖YᵀX‖² */
async function alignment(x: Centred, y: Centred, runtime: LinalgOptions): Promise<number> {
  const n = x.count;
  if (x.dims * y.dims <= n * (x.dims + y.dims)) {
    const shape = { m: y.dims, k: n, n: x.dims, transA: true };
    const covariance = await matmul(y.rows, x.rows, shape, runtime);
    return covariance.reduce((sum, value) => sum + value * value, 0);
  }
  const [k, l] = [await gram(x, runtime), await gram(y, runtime)];
  return Math.max(
    0,
    k.reduce((sum, value, at) => sum + value * l[at]!, 0),
  );
}

const gram = ({ rows, count, dims }: Centred, runtime: LinalgOptions): Promise<Float64Array> =>
  matmul(rows, rows, { m: count, k: dims, n: count, transB: true }, runtime);

/** @param place names the features in the error */
function centre({ rows, dims }: FeatureMatrix, place: number): Centred {
  const count = rows.length / dims;
  const means = new Float64Array(dims);
  for (let i = 0, at = 0; i < count; i++) for (let j = 0; j < dims; j++, at++) means[j]! += rows[at]! / count;
  const centred = new Float64Array(rows);
  let [varying, whole] = [0, 0];
  for (let i = 0, at = 0; i < count; i++) {
    for (let j = 0; j < dims; j++, at++) {
      const value = centred[at]!;
      const difference = value - means[j]!;
      centred[at] = difference;
      varying += difference * difference;
      whole += value * value;
    }
  }
  if (varying <= CONSTANT ** 2 * whole) {
    throw new FungiError('INVALID_DATA', `features ${place} have the same vector for all ${count} items`, {
      hint: 'Compare features that tell items apart.',
    });
  }
  return { rows: centred, count, dims };
}

function assertSameItems(features: readonly FeatureMatrix[]): void {
  const counts = features.map((one, i) => assertRows(one, `features ${i}, row`));
  const other = counts.findIndex((count) => count !== counts[0]);
  if (other < 0) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `features ${other} have ${counts[other]!} rows, features 0 have ${counts[0]!}: they must be of the same items`,
  );
}
