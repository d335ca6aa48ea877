/**
 * In-context scene understanding (Balažević et al. 2023; paper §4.3 and Table 23): patches get their labels from the nearest patches of
 * a memory bank. Axes: m patches of the bank, q query patches, P dimensions, C classes.
 *
 * The paper searches with ScaNN, which is approximate; here the search is exact.
 */
import { FungiError } from '../../core/errors.js';
import { ExactSearch } from '../../retrieve/exact-search.js';
import type { LinalgOptions } from '../../runtime/linalg.js';
import { assertRows, type FeatureMatrix } from '../features/labelled-features.js';

export interface DecodeOptions {
  /** Patches of the bank that vote, all where it has fewer. @default 30; the paper takes 90 in its few-shot runs */
  readonly k?: number;
  /** What cosines are divided by before the softmax. @default 0.02; the paper takes 0.1 in its few-shot runs */
  readonly temperature?: number;
}

const NEIGHBOURS = 30;
const TEMPERATURE = 0.02;

/** Patches with known labels. */
export class PatchBank {
  private constructor(
    private readonly search: ExactSearch,
    private readonly shares: Float32Array,
    readonly dims: number,
    readonly classes: number,
  ) {}

  /**
   * @param patches [m,P], kept, not copied: they must not change afterwards
   * @param shares of the classes in each patch [m,C], as `patchLabels` has them; kept
   * @throws {FungiError} INVALID_ARGUMENT when there are no patches, or the sizes do not fit; INVALID_VECTOR; INVALID_DATA for a share
   *   that is not finite or below 0
   */
  static async create(
    patches: FeatureMatrix,
    shares: { readonly values: Float32Array; readonly classes: number },
    runtime?: LinalgOptions,
  ): Promise<PatchBank> {
    const rows = assertRows(patches, 'patch');
    const { values, classes } = shares;
    if (!Number.isSafeInteger(classes) || classes < 1 || values.length !== rows * classes) {
      throw new FungiError('INVALID_ARGUMENT', `${values.length} shares are not ${rows} patches of ${classes} classes`);
    }
    const bad = values.findIndex((share) => !(share >= 0 && share < Infinity));
    if (bad >= 0) {
      const patch = Math.floor(bad / classes);
      throw new FungiError('INVALID_DATA', `patch ${patch} has a share of ${values[bad]!} of class ${bad % classes}`);
    }
    const { dims } = patches;
    const spec = { rows, dims, metric: 'cosine' as const, ...(runtime && { runtime }) };
    return new PatchBank(await ExactSearch.create(patches.rows, spec), values, dims, classes);
  }

  /** m */
  get size(): number {
    return this.search.size;
  }

  /**
   * Shares of the classes in each query patch: the mean of those of its k nearest patches by cosine, weighted by the softmax of
   * cosine/temperature.
   *
   * @param queries [q,P]
   * @returns [q,C]
   * @throws {FungiError} INVALID_ARGUMENT when k is not a positive integer or the temperature not above 0; INVALID_VECTOR
   */
  async decode(
    queries: Float32Array,
    { k = NEIGHBOURS, temperature = TEMPERATURE }: DecodeOptions = {},
  ): Promise<Float32Array> {
    if (!(temperature > 0 && Number.isFinite(temperature))) {
      throw new FungiError('INVALID_ARGUMENT', `the temperature must be above 0, got ${temperature}`);
    }
    const found = await this.search.search(queries, k);
    const { classes, shares } = this;
    const decoded = new Float32Array(found.length * classes);
    const own = new Float64Array(classes);
    found.forEach((neighbours, q) => {
      // A distance is 1 − cosine; relative to the nearest, so that no power overflows.
      const weights = neighbours.map(({ distance }) => Math.exp((neighbours[0]!.distance - distance) / temperature));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      own.fill(0);
      neighbours.forEach(({ row }, i) => {
        for (let c = 0; c < classes; c++) own[c]! += (weights[i]! / total) * shares[row * classes + c]!;
      });
      decoded.set(own, q * classes);
    });
    return decoded;
  }
}
