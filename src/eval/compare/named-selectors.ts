/** Selectors by the names that users give them. */
import { FungiError } from '../../core/errors.js';
import type { Modality } from '../../core/item.js';
import type { GradientEngine } from '../../engine/engine.js';
import { parseFeatureSets } from '../features/feature-sets.js';
import { bm25Selector, fixedSelector, randomSelector } from './baselines.js';
import { commandSelector } from './command-selector.js';
import type { ExampleSelector } from './example-selector.js';
import { featureSelectors, isFeatureSelector, type FeatureSelectorsOptions } from './feature-selectors.js';

const BASELINES = [randomSelector, fixedSelector, bm25Selector];
const MMR = 'mmr:';

/**
 * What the selectors will be called, in the same order: known before anything is loaded.
 *
 * @param names random, fixed, bm25; a feature set, or `mmr:` and one; `NAME=COMMAND` for a program
 * @throws {FungiError} INVALID_ARGUMENT for a name that is unknown, taken, or given twice
 */
export function selectorTitles(names: readonly string[]): string[] {
  const unknown = names.find((name) => !isCommand(name) && !isBuiltIn(name));
  if (unknown !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', `"${unknown}" is not a selector`, {
      hint:
        `There are ${BASELINES.map(({ name }) => name).join(', ')}; feature sets (embedding, kl, simclr, kl+simclr, only:kl), ` +
        'mmr: before one; and NAME=COMMAND for a program, its name of letters, digits, "_", "." and "-".',
    });
  }
  const titles = names.map(titleOf);
  const taken = titles.find((title, i) => isCommand(names[i]!) && isBuiltIn(title));
  if (taken !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', `a program cannot be called "${taken}": that is a selector of its own`, {
      hint: `Write my-${taken}=COMMAND.`,
    });
  }
  const twice = titles.find((title, i) => titles.indexOf(title) !== i);
  if (twice !== undefined) throw new FungiError('INVALID_ARGUMENT', `selector "${twice}" is given twice`);
  // kl and embedding+kl are one set: compared twice, it would count twice in the correction.
  const sets = names.filter(isByFeatures);
  parseFeatureSets(sets.filter((name) => !name.startsWith(MMR)));
  parseFeatureSets(sets.filter((name) => name.startsWith(MMR)).map(setOf));
  return titles;
}

/**
 * bm25 would compare the paths of images and sounds, whose folders are often the labels.
 *
 * @throws {FungiError} INVALID_ARGUMENT for a selector that does not read such data
 */
export function assertSelectorsRead(names: readonly string[], modality: Modality): void {
  const { name } = bm25Selector;
  if (modality === 'text' || !names.includes(name)) return;
  throw new FungiError('INVALID_ARGUMENT', `${name} compares words, and the data are ${NOUNS[modality]}`, {
    hint: `Leave it out: --selectors ${names.filter((other) => other !== name).join(',') || 'random,embedding'}.`,
  });
}

const NOUNS = { image: 'images', audio: 'sounds' } as const;

/** The feature sets that selectors need, by their names. */
export const featureSetsOf = (names: readonly string[]): Map<string, string> =>
  new Map(names.filter(isByFeatures).map((name) => [name, setOf(name)]));

/**
 * @param names as for {@link selectorTitles}
 * @param engine is asked for only when features are needed
 * @throws {FungiError} INVALID_ARGUMENT as {@link selectorTitles}
 */
export async function namedSelectors(
  names: readonly string[],
  options: Omit<FeatureSelectorsOptions, 'names'>,
  engine: () => Promise<GradientEngine>,
): Promise<ExampleSelector[]> {
  const titles = selectorTitles(names);
  const sets = [...featureSetsOf(names).keys()];
  const byFeatures = sets.length === 0 ? [] : featureSelectors(await engine(), { ...options, names: sets });
  return names.map((name, i) => {
    if (isCommand(name)) return commandSelector(titles[i]!, name.slice(name.indexOf('=') + 1));
    return baselineOf(name) ?? byFeatures[sets.indexOf(name)]!;
  });
}

const isCommand = (name: string): boolean => /^[\w.-]+=./.test(name);
const titleOf = (name: string): string => (isCommand(name) ? name.slice(0, name.indexOf('=')) : name);
const setOf = (name: string): string => (name.startsWith(MMR) ? name.slice(MMR.length) : name);
const baselineOf = (name: string): ExampleSelector | undefined => BASELINES.find((each) => each.name === name);
const isByFeatures = (name: string): boolean => !isCommand(name) && isFeatureSelector(name);
const isBuiltIn = (name: string): boolean => isFeatureSelector(name) || baselineOf(name) !== undefined;
