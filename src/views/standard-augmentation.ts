/**
 * What DINO does to a crop besides cutting it out (Caron et al. 2021, `DataAugmentationDINO`), which the paper leaves out for its own
 * features and compares them with (Table 18); in the released code the same lines are commented out.
 */
import type { ImageEdit } from '../core/content.js';
import type { Rng } from '../core/rng.js';

/** The first global crop, another one, a local one: they are blurred and solarised with other probabilities. */
export type CropKind = 'first' | 'global' | 'local';

const FLIP = 0.5;
const JITTER = 0.8;
const GREY = 0.2;
/** Around 1 for factors, around 0 for the turn of the hue. */
const JITTERED = [
  { kind: 'brightness', around: 1, by: 0.4 },
  { kind: 'contrast', around: 1, by: 0.4 },
  { kind: 'saturation', around: 1, by: 0.2 },
  { kind: 'hue', around: 0, by: 0.1 },
] as const;
const BLUR: Readonly<Record<CropKind, number>> = { first: 1, global: 0.1, local: 0.5 };
const SOLARIZE: Readonly<Record<CropKind, number>> = { first: 0, global: 0.2, local: 0 };
const RADII = [0.1, 2] as const;

/** Mirrored, recoloured in a random order, grey, blurred, solarised: each or not. Every draw is made, so that none shifts another. */
export function standardEdits(crop: CropKind, rng: Rng): ImageEdit[] {
  const happens = (probability: number): boolean => rng.float() < probability;
  const flip = happens(FLIP);
  const jitter = happens(JITTER);
  const order = rng.sample(JITTERED.length, JITTERED.length);
  const amounts = JITTERED.map(({ around, by }) => around + by * (2 * rng.float() - 1));
  const grey = happens(GREY);
  const blur = happens(BLUR[crop]);
  const radius = RADII[0] + (RADII[1] - RADII[0]) * rng.float();
  const solarize = happens(SOLARIZE[crop]);
  return [
    ...(flip ? [{ kind: 'flip' } as const] : []),
    ...(jitter ? order.map((i) => ({ kind: JITTERED[i]!.kind, amount: amounts[i]! })) : []),
    ...(grey ? [{ kind: 'grey' } as const] : []),
    ...(blur ? [{ kind: 'blur', amount: radius } as const] : []),
    ...(solarize ? [{ kind: 'solarize' } as const] : []),
  ];
}
