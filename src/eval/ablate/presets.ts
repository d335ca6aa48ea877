/** The paper's own ablations, as far as they can be run on labelled data. */
import { FungiError } from '../../core/errors.js';
import type { AblatedLoss } from './losses.js';

export interface Preset {
  /** As `parseFactors` takes them. */
  readonly vary: readonly string[];
  /** What all levels have, as `parseValues` takes it. */
  readonly common: readonly string[];
  readonly cross: boolean;
  readonly loss: AblatedLoss;
  /** Sets to judge by. */
  readonly features: readonly string[];
  /** Whether the paper shows what the levels cost. */
  readonly timed: boolean;
}

type Sketch = Pick<Preset, 'vary' | 'features'> & Partial<Preset>;

const SKETCHES: Readonly<Record<string, (loss: AblatedLoss) => Sketch>> = {
  'table 6': (loss) => ({
    vary: ['head=linear,none', 'normalise=true,false'],
    cross: true,
    features: [`only:${loss}`],
  }),
  'table 18': () => ({
    vary: ['heads=independent,shared', 'augmentation=crops,standard'],
    loss: 'dino',
    features: ['only:dino'],
  }),
  'table 19': (loss) => ({
    vary: ['projection=binary,gaussian,sparse'],
    common: ['projection=binary', 'reducer=none'],
    features: ['embedding', loss],
  }),
  'table 20': (loss) => ({ vary: ['reducer=pca,none'], features: ['embedding', loss] }),
  'table 21': (loss) => ({ vary: ['reducer=none,pca,binary,gaussian,sparse'], features: ['embedding', loss] }),
  'figure 8': (loss) => ({ vary: ['layer=all'], features: [`only:${loss}`] }),
  'figure 12': () => ({ vary: ['views=2,4,8,12'], loss: 'simclr', features: ['only:simclr'], timed: true }),
};

/**
 * @param name "table 6" (head and normalisation), "table 18" (DINO's heads and augmentation), "table 19" (projection matrices, features
 *   not reduced), "table 20" (PCA or none), "table 21" (reductions), "figure 8" (layers), "figure 12" (SimCLR's views, with their cost)
 * @param loss whose gradient is varied @default kl, simclr for Figure 12, dino for Table 18
 * @throws {FungiError} INVALID_ARGUMENT for another table or figure, or a loss that it does not have
 */
export function preset(name: string, loss?: AblatedLoss): Preset {
  const sketch = SKETCHES[name]?.(loss ?? 'kl');
  if (sketch === undefined) {
    throw new FungiError('INVALID_ARGUMENT', `${name} of the paper is no ablation that can be run`, {
      hint: `There are ${Object.keys(SKETCHES).join(', ')}.`,
    });
  }
  if (sketch.loss !== undefined && loss !== undefined && loss !== sketch.loss) {
    throw new FungiError('INVALID_ARGUMENT', `${name} is about ${sketch.loss}, and the loss is ${loss}`, {
      hint: `Leave --loss out, or give --loss ${sketch.loss}.`,
    });
  }
  return { common: [], cross: false, loss: loss ?? 'kl', timed: false, ...sketch };
}
