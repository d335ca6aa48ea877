import { FungiError } from '../../core/errors.js';

export interface LabelMapOptions {
  /** Patches down and across. */
  readonly grid: { readonly rows: number; readonly columns: number };
  /** C */
  readonly classes: number;
  /** Of the map, in pixels, as the one below. */
  readonly height: number;
  readonly width: number;
}

/** Where a pixel lies between two patches of a row or column. */
interface Between {
  readonly low: number;
  readonly high: number;
  /** Weight of `high`. */
  readonly share: number;
}

/**
 * The class of each pixel: shares of the classes in patches are interpolated linearly in both directions, and the largest wins, the
 * first among equals. Centres of patches and pixels lie at halves and edges are repeated, as in torch's
 * `interpolate(mode='bilinear', align_corners=False)`.
 *
 * @param shares [patches,C], patches row by row
 * @returns [height·width]
 * @throws {FungiError} INVALID_ARGUMENT when a size is not a positive integer, or the shares are not of these sizes
 */
export function labelMap(shares: Float32Array, { grid, classes, height, width }: LabelMapOptions): Int32Array {
  const { rows, columns } = grid;
  for (const [name, size] of Object.entries({ rows, columns, classes, height, width })) {
    if (Number.isSafeInteger(size) && size >= 1) continue;
    throw new FungiError('INVALID_ARGUMENT', `${name} must be a positive integer, got ${size}`);
  }
  if (shares.length !== rows * columns * classes) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `${shares.length} shares are not ${rows} × ${columns} patches of ${classes} classes`,
    );
  }
  const across = Array.from({ length: width }, (_, x) => between(x, width, columns));
  const map = new Int32Array(height * width);
  for (let y = 0; y < height; y++) {
    const down = between(y, height, rows);
    const line = interpolatedRow(shares, down, columns * classes);
    across.forEach(({ low, high, share }, x) => {
      let best = 0;
      let most = -Infinity;
      for (let c = 0; c < classes; c++) {
        const value = line[low * classes + c]! * (1 - share) + line[high * classes + c]! * share;
        if (value > most) [best, most] = [c, value];
      }
      map[y * width + x] = best;
    });
  }
  return map;
}

function between(pixel: number, pixels: number, patches: number): Between {
  const place = Math.min(patches - 1, Math.max(0, ((pixel + 0.5) * patches) / pixels - 0.5));
  const low = Math.floor(place);
  return { low, high: Math.min(patches - 1, low + 1), share: place - low };
}

function interpolatedRow(shares: Float32Array, { low, high, share }: Between, width: number): Float64Array {
  return Float64Array.from(
    { length: width },
    (_, at) => shares[low * width + at]! * (1 - share) + shares[high * width + at]! * share,
  );
}
