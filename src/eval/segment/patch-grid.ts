/** Where the patches of a picture lie that is cut into tiles of the encoder's input. */
import type { Crop, Picture } from '../../core/content.js';
import { FungiError } from '../../core/errors.js';
import type { TokenGrid } from '../../views/token-grid.js';
import type { SceneLook } from './scene-copies.js';

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
