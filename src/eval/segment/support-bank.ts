/**
 * The support bank of per-patch SimCLR: states of patches of the training pictures, among which each token of a picture finds what it is
 * contrasted with (paper §4.3, Appendix C.2).
 */
import { FungiError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { ExactSearch } from '../../retrieve/exact-search.js';
import type { LinalgOptions } from '../../runtime/linalg.js';

/** Nearest patches that a token finds; it keeps one of them (Table 23: 2 retrieved, 1 in the loss). */
const RETRIEVED = 2;

export class SupportBank {
  private constructor(
    private readonly search: ExactSearch,
    private readonly rows: Float32Array,
    private readonly dims: number,
    private readonly pictures: readonly string[],
  ) {}

  /**
   * @param patches last states [m,D], kept, and the digest of each one's picture [m]
   * @throws {FungiError} INVALID_VECTOR
   */
  static async create(
    { rows, pictures }: { readonly rows: Float32Array; readonly pictures: readonly string[] },
    dims: number,
    runtime?: LinalgOptions,
  ): Promise<SupportBank> {
    const spec = { rows: pictures.length, dims, metric: 'cosine' as const, ...(runtime && { runtime }) };
    return new SupportBank(await ExactSearch.create(rows, spec), rows, dims, pictures);
  }

  /**
   * For each token of a picture one of its two nearest patches by cosine, drawn with equal odds: the other is dropped. The picture's own
   * patches are left out, so that a training picture does not find itself, and one in the bank has the features that it has elsewhere.
   *
   * @param tokens last states [T,D]
   * @param picture its digest
   * @param rng of the picture's own, one draw a token
   * @returns states of the neighbours [T,D]
   * @throws {FungiError} INVALID_DATA where the bank has no patches of other pictures
   */
  async neighbours(tokens: Float32Array, picture: string, rng: Rng): Promise<Float32Array> {
    const { dims, rows, pictures } = this;
    const found = await this.search.search(tokens, RETRIEVED, { allow: (row) => pictures[row] !== picture });
    const out = new Float32Array(tokens.length);
    found.forEach((nearest, token) => {
      if (nearest.length === 0) {
        throw new FungiError('INVALID_DATA', 'per-patch SimCLR contrasts a picture with others, and there are none', {
          hint: 'Give two different training pictures at least.',
        });
      }
      const { row } = nearest[Math.min(rng.int(RETRIEVED), nearest.length - 1)]!;
      out.set(rows.subarray(row * dims, (row + 1) * dims), token * dims);
    });
    return out;
  }
}
