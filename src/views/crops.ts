/**
 * DINO's views of an image: random rectangles of it, some large and some small (paper Table 22: 2 of 0.25 to 1 of the area, 10 of
 * 0.05 to 0.25), all brought to the size of the encoder's input. Nothing else is changed, unless DINO's own augmentation is asked for.
 */
import type { Crop, Picture } from '../core/content.js';
import { Rng } from '../core/rng.js';
import { asPicture } from './patches.js';
import { standardEdits } from './standard-augmentation.js';
import type { ViewMaker } from './view.js';

/** `crops`: rectangles, as they are. `standard`: also flipped, recoloured, blurred and solarised, as DINO was trained (paper Table 18). */
export const AUGMENTATIONS = ['crops', 'standard'] as const;
export type Augmentation = (typeof AUGMENTATIONS)[number];

/** Least and most of a picture's area. */
export type AreaRange = readonly [number, number];

export interface RandomCrops {
  /** Large views, which come first. */
  readonly globals: number;
  readonly locals: number;
  readonly globalScale: AreaRange;
  readonly localScale: AreaRange;
  /** The index's seed. */
  readonly seed: number | string;
  /** @default 'crops' */
  readonly augmentation?: Augmentation | undefined;
}

/** Width over height, drawn evenly in its logarithm. */
const ASPECTS: AreaRange = [3 / 4, 4 / 3];
/** Rectangles tried before the largest one in the middle is taken. */
const TRIES = 10;

/**
 * View v depends on the seed, the picture's content and v alone; its rectangle is the same under each augmentation.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a content that is no image
 */
export function randomCrops(options: RandomCrops): ViewMaker {
  const { globals, locals, globalScale, localScale, seed, augmentation = 'crops' } = options;
  const count = globals + locals;
  return {
    count,
    settings: { kind: 'crops', globals, locals, globalScale, localScale, seed, augmentation },
    views: (content) => {
      const of = asPicture(content);
      return Array.from({ length: count }, (_, v) => {
        const crop = randomCrop(of, v < globals ? globalScale : localScale, Rng.stream(seed, 'crop', of.digest, v));
        if (augmentation === 'crops') return crop;
        const kind = v >= globals ? 'local' : v === 0 ? 'first' : 'global';
        return { ...crop, edits: standardEdits(kind, Rng.stream(seed, 'augmentation', of.digest, v)) };
      });
    },
  };
}

/** As torchvision's RandomResizedCrop draws it: area, then aspect, then place. Areas above the picture's are drawn and never fit. */
export function randomCrop(of: Picture, scale: AreaRange, rng: Rng): Crop {
  const { width, height } = of;
  const between = ([low, high]: AreaRange): number => low + (high - low) * rng.float();
  const [flat, wide] = ASPECTS.map(Math.log) as [number, number];
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const area = width * height * between(scale);
    const aspect = Math.exp(between([flat, wide]));
    const [w, h] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (w < 1 || h < 1 || w > width || h > height) continue;
    return { kind: 'crop', of, left: rng.int(width - w + 1), top: rng.int(height - h + 1), width: w, height: h };
  }
  return largest(of);
}

/** The largest rectangle in the middle whose aspect is allowed. */
function largest(of: Picture): Crop {
  const { width, height } = of;
  const aspect = Math.min(Math.max(width / height, ASPECTS[0]), ASPECTS[1]);
  const w = Math.max(1, Math.min(width, Math.round(height * aspect)));
  const h = Math.max(1, Math.min(height, Math.round(width / aspect)));
  const [left, top] = [Math.floor((width - w) / 2), Math.floor((height - h) / 2)];
  return { kind: 'crop', of, left, top, width: w, height: h };
}
