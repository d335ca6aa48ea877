/**
 * iBOT's views of an image (Zhou et al. 2022): DINO's crops, the global ones with some patches masked for the student and whole for the
 * teacher. An ONNX export takes no mask token, so patches are masked in pixels: they have the mean colour of the model's training images.
 */
import type { Crop } from '../core/content.js';
import { Rng } from '../core/rng.js';
import { randomCrops, type RandomCrops } from './crops.js';
import type { Grid, TokenGrid } from './token-grid.js';
import type { TokenOfView, ViewMaker } from './view.js';

export interface MaskedCrops extends Omit<RandomCrops, 'augmentation'> {
  readonly grid: TokenGrid;
  /** Share of a global crop's patches. */
  readonly masked: number;
}

/** Patches that are masked of each global crop: at least one, and not all where there are several. */
export const maskedPatches = ({ rows, columns }: Grid, share: number): number =>
  Math.max(1, Math.min(rows * columns - 1, Math.round(rows * columns * share)));

/**
 * Views: the masked global crops, the local ones, the global ones unmasked. A view depends on the seed, the picture's content and its number
 * alone, and crops are those that DINO has.
 *
 * Tokens, in the order that the loss has them: class tokens of what the student sees, of what the teacher sees; masked patches of each
 * global crop as the student sees them, the same ones as the teacher does.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a content that is no image
 */
export function maskedCrops({ grid, masked, ...options }: MaskedCrops): ViewMaker {
  const { globals, locals, seed } = options;
  const crops = randomCrops(options);
  const student = globals + locals;
  return {
    count: student + globals,
    settings: { kind: 'masked-crops', crops: crops.settings, grid: { ...grid }, masked },
    views: (content) => {
      const all = crops.views(content) as Crop[];
      const whole = all.slice(0, globals);
      const hidden = whole.map((crop, v) => ({
        ...crop,
        masked: mask(grid, masked, Rng.stream(seed, 'mask', crop.of.digest, v)),
      }));
      return [...hidden, ...all.slice(globals), ...whole];
    },
    tokens: (views) => {
      const patches = (offset: number): TokenOfView[] =>
        (views as Crop[])
          .slice(0, globals)
          .flatMap((crop, v) => crop.masked!.patches.map((patch) => ({ view: offset + v, token: grid.first + patch })));
      const classes = Array.from({ length: student + globals }, (_, view) => ({ view, token: 0 }));
      return [...classes, ...patches(0), ...patches(student)];
    },
  };
}

function mask({ rows, columns }: Grid, share: number, rng: Rng): NonNullable<Crop['masked']> {
  return { rows, columns, patches: blockwiseMask({ rows, columns }, maskedPatches({ rows, columns }, share), rng) };
}

/** Height over width of a block, drawn evenly in its logarithm. */
const ASPECTS = [0.3, 1 / 0.3] as const;
/** Blocks tried before the next one is given up. */
const TRIES = 10;

/**
 * Which patches are masked: blocks, one after the other, until no further one fits (BEiT's and iBOT's generator), and then single patches
 * up to the number asked for, so that all images have as many.
 *
 * @param count 1 … rows·columns
 * @returns in ascending order, row by row
 */
export function blockwiseMask({ rows, columns }: Grid, count: number, rng: Rng): number[] {
  const chosen = new Set<number>();
  const least = Math.floor(Math.min(rows, columns) / 3) ** 2;
  const [flat, high] = ASPECTS.map(Math.log) as [number, number];
  for (let tries = 0; tries < TRIES && chosen.size < count; tries++) {
    const room = count - chosen.size;
    const area = least + (room - least) * rng.float();
    const aspect = Math.exp(flat + (high - flat) * rng.float());
    const [h, w] = [Math.round(Math.sqrt(area * aspect)), Math.round(Math.sqrt(area / aspect))];
    if (h < 1 || w < 1 || h >= rows || w >= columns) continue;
    const [top, left] = [rng.int(rows - h + 1), rng.int(columns - w + 1)];
    const block = Array.from({ length: h * w }, (_, i) => (top + Math.floor(i / w)) * columns + left + (i % w));
    const fresh = block.filter((patch) => !chosen.has(patch));
    if (fresh.length === 0 || fresh.length > room) continue;
    fresh.forEach((patch) => chosen.add(patch));
    tries = -1;
  }
  for (const patch of rng.sample(rows * columns, rows * columns)) if (chosen.size < count) chosen.add(patch);
  return [...chosen].sort((a, b) => a - b);
}
