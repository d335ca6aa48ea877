/** Training pictures as a memory bank takes them: as they are, or in augmented copies (paper Table 23). */
import type { ImageEdit, Picture } from '../../core/content.js';
import { Rng } from '../../core/rng.js';
import type { Box } from '../../encoders/image/pixels.js';
import { randomCrop, type AreaRange } from '../../views/crops.js';
import type { Scene } from './scenes.js';

/** A picture, or a copy of it that is augmented by the seed and the number of its epoch. */
export interface SceneCopy extends Scene {
  readonly augmented?: { readonly seed: number; readonly epoch: number };
}

/** What is seen of a picture. */
export interface SceneLook {
  /** Brought to the size of all pictures. */
  readonly box: Box;
  /** Changes of the whole picture, made before. */
  readonly edits: readonly ImageEdit[];
}

/** Area of a crop by that of its picture; where it is larger, or fits in no way, another is drawn, at last the whole picture. */
const SCALE: AreaRange = [0.5, 2];
/** Each change of colours is made of one copy in two, by up to this share, in this order. */
const [OFTEN, MOST] = [0.5, 0.1];
const CHANGES = [
  { kind: 'brightness', around: 1 },
  { kind: 'contrast', around: 1 },
  { kind: 'saturation', around: 1 },
  { kind: 'hue', around: 0 },
] as const;

/**
 * Every picture once as it is, or where there are augmentation epochs once in each of them, and only so.
 *
 * @param epochs copies of a picture; 0 for the picture as it is
 */
export function copiesOf(scenes: readonly Scene[], { epochs, seed }: { epochs: number; seed: number }): SceneCopy[] {
  if (epochs === 0) return [...scenes];
  return Array.from({ length: epochs }, (_, epoch) =>
    scenes.map((scene) => ({ ...scene, augmented: { seed, epoch } })),
  ).flat();
}

/** What tells a copy from others of its picture, in the names of random streams. */
export const copyName = ({ augmented }: SceneCopy): readonly number[] =>
  augmented === undefined ? [] : [augmented.epoch];

/**
 * Whole and as it is, or a random crop in other colours, as Balažević et al. (2023) augment pictures. It is drawn by seed, epoch and the
 * picture's bytes alone.
 */
export function lookAt(picture: Picture, { augmented }: Pick<SceneCopy, 'augmented'>): SceneLook {
  const whole = { left: 0, top: 0, width: picture.width, height: picture.height };
  if (augmented === undefined) return { box: whole, edits: [] };
  const rng = Rng.stream(augmented.seed, 'scenes', 'augment', picture.digest, augmented.epoch);
  const { left, top, width, height } = randomCrop(picture, SCALE, rng);
  const edits = CHANGES.flatMap(({ kind, around }) => {
    // Both draws are made, so that neither change shifts another.
    const [happens, amount] = [rng.float() < OFTEN, around + MOST * (2 * rng.float() - 1)];
    return happens ? [{ kind, amount }] : [];
  });
  return { box: { left, top, width, height }, edits };
}
