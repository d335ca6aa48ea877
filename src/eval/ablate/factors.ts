/** What an ablation can vary (paper §5.4 and Appendix C), and how its levels are written: `head=linear,none`. */
import { FungiError } from '../../core/errors.js';
import type { DinoHeads } from '../../losses/dino.js';
import type { Head } from '../../losses/head.js';
import { ENTRIES } from '../../reduce/random-matrix.js';
import type { Augmentation } from '../../views/crops.js';
import { KNN_REDUCERS } from '../classify/knn-reducers.js';
import { parseFeatureSet } from '../features/feature-sets.js';
import type { AblatedLoss } from './losses.js';

/** Reads a level, and writes it as every other spelling of it is written; undefined where it is none. */
type ReadLevel = (text: string) => string | undefined;

interface FactorKind {
  readonly read: ReadLevel;
  /** Levels there are, in words. */
  readonly levels: string;
  readonly what: string;
  /** Those that have it, where not all do. */
  readonly losses?: readonly AblatedLoss[];
}

const oneOf =
  (...names: readonly string[]): ReadLevel =>
  (text) =>
    names.find((name) => name === text);

const numberWhere =
  (accepts: (value: number) => boolean): ReadLevel =>
  (text) => {
    const value = /^\d*\.?\d+(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
    return Number.isFinite(value) && accepts(value) ? String(value) : undefined;
  };

const wholeFrom = (least: number): ReadLevel => numberWhere((value) => Number.isSafeInteger(value) && value >= least);

const featureSet: ReadLevel = (text) => {
  const { losses, embedding } = parseFeatureSet(text);
  if (losses.length === 0) return 'embedding';
  return `${embedding ? '' : 'only:'}${[...losses].sort().join('+')}`;
};

/** Named here, since help has to appear at once: the losses bring the graph builder with them. */
const HEADS = ['linear', 'none'] as const satisfies readonly Head[];
const DINO_HEADS = ['independent', 'shared'] as const satisfies readonly DinoHeads[];
const AUGMENTATIONS = ['crops', 'standard'] as const satisfies readonly Augmentation[];
const PROJECTIONS = ['nystrom', 'khatri-rao', ...ENTRIES] as const;

export const FACTORS = {
  head: { read: oneOf(...HEADS), levels: HEADS.join(', '), what: 'head between f(x) and the loss (Table 6)' },
  normalise: {
    read: oneOf('true', 'false'),
    levels: 'true, false',
    what: 'unit length of f(x) before the head (Table 6)',
  },
  latent: { read: wholeFrom(1), levels: 'whole numbers', what: 'L, width of the head' },
  temperature: {
    read: numberWhere((value) => value > 0),
    levels: 'numbers above 0',
    what: 'temperature of the loss',
    losses: ['kl', 'simclr'],
  },
  weight: { read: numberWhere((value) => value > 0), levels: 'numbers above 0', what: 'length of the gradient block' },
  views: { read: wholeFrom(2), levels: 'whole numbers from 2', what: 'positive views (Figure 12)', losses: ['simclr'] },
  deletion: {
    read: numberWhere((value) => value > 0 && value < 1),
    levels: 'numbers between 0 and 1',
    what: 'share of the words that a view loses',
    losses: ['simclr'],
  },
  negatives: { read: wholeFrom(1), levels: 'whole numbers', what: 'texts of the negative batch', losses: ['simclr'] },
  heads: {
    read: oneOf(...DINO_HEADS),
    levels: DINO_HEADS.join(', '),
    what: 'whether student and teacher have a head each, of images (Table 18)',
    losses: ['dino'],
  },
  augmentation: {
    read: oneOf(...AUGMENTATIONS),
    levels: AUGMENTATIONS.join(', '),
    what: 'what is changed of crops besides cutting them out, of images (Table 18)',
    losses: ['dino'],
  },
  projection: {
    // The paper's matrix is dense: `--projection dense` has binary entries.
    read: (text) => oneOf(...PROJECTIONS)(text === 'dense' ? 'binary' : text),
    levels: PROJECTIONS.join(', '),
    what: 'how gradients are made short; the last three are dense matrices (Table 19)',
  },
  width: { read: wholeFrom(1), levels: 'whole numbers', what: 'M, width of the gradient block; landmarks of nystrom' },
  mode: { read: oneOf('paper', 'reference'), levels: 'paper, reference', what: 'the paper or its released code' },
  layer: {
    read: (text) => text,
    levels: 'all, attention, mlp, 11.attention, 11.mlp, … or a tensor of `fungi models inspect --json`',
    what: 'layer whose gradient is taken (Figure 8)',
  },
  reducer: {
    read: (text) => oneOf(...KNN_REDUCERS)(text === 'random' ? 'binary' : text),
    levels: KNN_REDUCERS.join(', '),
    what: 'how features are reduced; the last three are random projections (Tables 20 and 21), lda and blend take cosine',
  },
  dims: { read: wholeFrom(1), levels: 'whole numbers', what: 'P, width after the reduction (Table 20)' },
  features: { read: featureSet, levels: 'feature sets, as --features has them', what: 'feature sets, as levels' },
} as const satisfies Readonly<Record<string, FactorKind>>;

export type FactorName = keyof typeof FACTORS;

export interface Factor {
  readonly name: FactorName;
  /** In the order given, each once [≥ 1]. */
  readonly levels: readonly string[];
}

/** Levels by factor; a factor that is not there has its default. */
export type Values = Readonly<Partial<Record<FactorName, string>>>;

/**
 * Factors with the levels to try: `["head=linear,none", "temperature=1,5"]`.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a factor that is unknown, given twice or not the loss's; for a level that is none, or twice
 *   the same; for none
 */
export function parseFactors(texts: readonly string[], loss: AblatedLoss): Factor[] {
  const factors = texts.map((text) => parseFactor(text, loss));
  assertOnce(
    factors.map(({ name }) => name),
    'factors',
  );
  return factors;
}

/**
 * Factors with one level each, which all levels of the others have: `["reducer=none"]`.
 *
 * @throws {FungiError} INVALID_ARGUMENT as {@link parseFactors}, and for more than one level
 */
export function parseValues(texts: readonly string[], loss: AblatedLoss): Values {
  const factors = parseFactors(texts, loss);
  for (const { name, levels } of factors) {
    if (levels.length > 1) throw invalid(`${name} is to stay as it is, so give it one level, not ${levels.length}`);
  }
  return Object.fromEntries(factors.map(({ name, levels }) => [name, levels[0]!]));
}

function parseFactor(text: string, loss: AblatedLoss): Factor {
  const [, name = text, list = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (!isFactor(name)) throw invalid(`there is no factor "${name}" to vary`, `There are ${NAMES.join(', ')}.`);
  const { read, levels: known, losses }: FactorKind = FACTORS[name];
  if (losses !== undefined && !losses.includes(loss)) {
    throw invalid(
      `${name} is a setting of ${losses.join(' and ')}, and the loss is ${loss}`,
      `Add --loss ${losses.join(' or --loss ')}.`,
    );
  }
  const levels = list.split(',').map((part) => {
    const level = part === '' ? undefined : read(part);
    if (level === undefined) throw invalid(`"${part}" is no level of ${name}`, `Levels are ${known}.`);
    return level;
  });
  assertOnce(levels, `levels of ${name}`);
  return { name, levels };
}

const NAMES = Object.keys(FACTORS) as FactorName[];
const isFactor = (name: string): name is FactorName => NAMES.includes(name as FactorName);

function assertOnce(names: readonly string[], what: string): void {
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw invalid(`${what}: "${twice}" is given twice`, 'Name each once.');
}

const invalid = (message: string, hint?: string): FungiError =>
  new FungiError('INVALID_ARGUMENT', message, hint === undefined ? {} : { hint });
