/** Which tokens of an image encoder are patches, and where they lie. */
import { FungiError } from '../core/errors.js';

export interface Grid {
  readonly rows: number;
  readonly columns: number;
}

/** Of an encoder's input: which tokens are patches. */
export interface TokenGrid extends Grid {
  /** Tokens before the first patch: class, distillation and register tokens. */
  readonly first: number;
  /** Side of a patch, in pixels. */
  readonly patch: number;
}

/** DINOv2 has four registers behind its class token. */
const MOST_BEFORE = 8;

/**
 * An export does not tell its patch size, but only one makes nearly as many patches as there are tokens.
 *
 * @param tokens of one input, the patches row by row at the end
 * @throws {FungiError} MODEL_UNSUPPORTED where tokens are no square patches of the input
 */
export function tokenGrid(tokens: number, { width, height }: { width: number; height: number }): TokenGrid {
  for (let first = 0; first <= MOST_BEFORE; first++) {
    const patch = Math.sqrt((width * height) / (tokens - first));
    if (Number.isInteger(patch) && width % patch === 0 && height % patch === 0)
      return { rows: height / patch, columns: width / patch, first, patch };
  }
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `the model makes ${tokens} tokens of ${width} × ${height} pixels, which are no square patches and at most ${MOST_BEFORE} tokens before them`,
    {
      hint: 'Take a ViT whose output has a token for each patch (DINO, DINOv2, DeiT, ViT), or name that tensor with --output.',
    },
  );
}
