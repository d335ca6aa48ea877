import type { LossName } from '../features/feature-sets.js';

/** Losses whose settings can be varied. */
export const ABLATED_LOSSES = ['kl', 'simclr', 'dino'] as const satisfies readonly LossName[];
export type AblatedLoss = (typeof ABLATED_LOSSES)[number];
