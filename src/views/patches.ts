/**
 * SimCLR's views of an image: overlapping squares half as wide as the encoder's input, on a grid whose step is a sixth of their
 * width (paper Table 22: 49 patches of 112 × 112 at stride int(112/6) = 18). Nothing of it is random.
 */
import type { Content, Picture } from '../core/content.js';
import { FungiError } from '../core/errors.js';
import type { ViewMaker } from './view.js';

/** @throws {FungiError} INVALID_ARGUMENT when `count` is no square of 2 or more, or of 1 */
export function patches({ count }: { readonly count: number }): ViewMaker {
  const side = Math.sqrt(count);
  if (!Number.isInteger(side) || side < 1) {
    throw new FungiError('INVALID_ARGUMENT', `patches: the number of views must be a square, got ${count}`, {
      hint: 'Patches lie on a grid of as many rows as columns: 4, 9, 16, 25, 36, 49.',
    });
  }
  return {
    count,
    settings: { kind: 'patches', count },
    views: (content) => {
      const of = asPicture(content);
      return Array.from({ length: count }, (_, i) => ({
        kind: 'patch' as const,
        of,
        row: Math.floor(i / side),
        column: i % side,
        side,
      }));
    },
  };
}

/** @throws {FungiError} INVALID_ARGUMENT for a content that is no image */
export function asPicture(content: Content): Picture {
  if (typeof content !== 'string' && content.modality === 'image') return content;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `views of an image were asked of ${typeof content === 'string' ? 'a text' : content.modality}`,
  );
}
