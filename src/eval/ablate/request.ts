/** What an ablation is asked to try, before anything is read or loaded. */
import { FungiError } from '../../core/errors.js';
import { parseFeatureSets } from '../features/feature-sets.js';
import type { AblatedLoss } from './losses.js';
import { parseFactors, parseValues, type Factor, type Values } from './factors.js';
import { preset, type Preset } from './presets.js';

/** As it is written on a command line: one of `vary`, `table` and `figure`. */
export interface WrittenRequest {
  readonly vary?: readonly string[] | undefined;
  readonly table?: string | undefined;
  readonly figure?: string | undefined;
  /** Levels that all others are tried with. */
  readonly common?: readonly string[] | undefined;
  readonly cross?: boolean | undefined;
  readonly loss?: AblatedLoss | undefined;
  readonly features?: readonly string[] | undefined;
}

export interface AblationRequest extends Pick<Preset, 'loss' | 'cross' | 'timed'> {
  /** At least one. */
  readonly factors: readonly Factor[];
  readonly common: Values;
  /** Sets to judge by: one, where sets are levels. */
  readonly features: readonly string[];
}

/** @throws {FungiError} INVALID_ARGUMENT where it asks for nothing, for two things at once, or for what there is not */
export function ablationRequest({
  vary,
  table,
  figure,
  common,
  cross,
  loss,
  features,
}: WrittenRequest): AblationRequest {
  if ([vary, table, figure].filter((each) => each !== undefined && each.length > 0).length !== 1) {
    throw new FungiError('INVALID_ARGUMENT', 'what to vary must be said once: by --vary, --table or --figure', {
      hint: 'E.g. --vary head=linear,none, --table 6 or --figure 8; --help lists the factors.',
    });
  }
  const found: Preset =
    vary === undefined
      ? preset(table === undefined ? `figure ${figure}` : `table ${table}`, loss)
      : {
          vary,
          common: [],
          cross: false,
          loss: loss ?? 'kl',
          features: [`only:${loss ?? 'kl'}`, loss ?? 'kl'],
          timed: false,
        };
  const factors = parseFactors(found.vary, found.loss);
  const fixed = { ...parseValues(found.common, found.loss), ...parseValues(common ?? [], found.loss) };
  const request = {
    factors,
    common: fixed,
    cross: cross === true || found.cross,
    loss: found.loss,
    timed: found.timed,
  };
  const setsAreLevels = fixed.features !== undefined || factors.some(({ name }) => name === 'features');
  if (!setsAreLevels) {
    const sets = features ?? found.features;
    parseFeatureSets(sets);
    return { ...request, features: sets };
  }
  if (features !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', '--features and the factor "features" say the same thing', {
      hint: 'Leave --features out; --with features=kl says what the levels of other factors are judged by.',
    });
  }
  return { ...request, features: [fixed.features ?? found.loss] };
}
