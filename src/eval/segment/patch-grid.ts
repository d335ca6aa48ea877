/** Where the patches of a picture lie that is cut into tiles of the encoder's input. */
import type { Crop, Picture } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import type { SceneLook } from './scene-copies.js';

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

/**
 * The tiles of what is seen of a picture, row by row: parts of it that are brought to the size of the input one by one, as if it had been
 * brought to `tiles` times that size and cut. Edges lie at whole pixels of the picture.
 *
 * @param tiles down and across
 */
export function tileViews(picture: Picture, { box, edits }: SceneLook, tiles: number): Crop[] {
  const edges = (start: number, length: number): number[] =>
    Array.from({ length: tiles + 1 }, (_, i) => start + Math.round((i * length) / tiles));
  const [across, down] = [edges(box.left, box.width), edges(box.top, box.height)];
  if (box.width < tiles || box.height < tiles) {
    throw new FungiError(
      'INVALID_DATA',
      `${picture.name}: ${box.width} × ${box.height} pixels cannot be cut into ${tiles} × ${tiles} tiles`,
      { hint: 'Take fewer with --tiles, or leave the picture out.' },
    );
  }
  return down.slice(1).flatMap((bottom, row) =>
    across.slice(1).map((right, column) => ({
      kind: 'crop' as const,
      of: picture,
      left: across[column]!,
      top: down[row]!,
      width: right - across[column]!,
      height: bottom - down[row]!,
      ...(edits.length > 0 && { pictureEdits: edits }),
    })),
  );
}

/**
 * For each patch of the whole picture, row by row, its token: the tiles' tokens one tile after the other.
 *
 * @param tokens of a tile
 */
export function patchTokens({ rows, columns, first }: TokenGrid, tokens: number, tiles: number): number[] {
  return Array.from({ length: rows * tiles * columns * tiles }, (_, patch) => {
    const [row, column] = [Math.floor(patch / (columns * tiles)), patch % (columns * tiles)];
    const tile = Math.floor(row / rows) * tiles + Math.floor(column / columns);
    return tile * tokens + first + (row % rows) * columns + (column % columns);
  });
}
