/**
 * DINO's views of an image: random rectangles of it, some large and some small (paper Table 22: 2 of 0.25 to 1 of the area, 10 of
 * 0.05 to 0.25, nothing else changed), all brought to the size of the encoder's input.
 */
import type { Crop, Picture } from '../core/content.js';
import { Rng } from '../core/rng.js';
import { asPicture } from './patches.js';
import type { ViewMaker } from './view.js';

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
}

/** Width over height, drawn evenly in its logarithm. */
const ASPECTS: AreaRange = [3 / 4, 4 / 3];
/** Rectangles tried before the largest one in the middle is taken. */
const TRIES = 10;

/** View v depends on the seed, the picture's content and v alone. @throws {FungiError} INVALID_ARGUMENT for a content that is no image */
export function randomCrops({ globals, locals, globalScale, localScale, seed }: RandomCrops): ViewMaker {
  const count = globals + locals;
  return {
    count,
    settings: { kind: 'crops', globals, locals, globalScale, localScale, seed },
    views: (content) => {
      const of = asPicture(content);
      return Array.from({ length: count }, (_, v) => {
        const rng = Rng.stream(seed, 'crop', of.digest, v);
        return randomCrop(of, v < globals ? globalScale : localScale, rng);
      });
    },
  };
}

/** As torchvision's RandomResizedCrop draws it: area, then aspect, then place. */
function randomCrop(of: Picture, scale: AreaRange, rng: Rng): Crop {
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
