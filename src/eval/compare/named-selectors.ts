/** Selectors by the names that users give them. */
import { FungiError } from '../../core/errors.js';
import type { GradientEngine } from '../../engine/engine.js';
import { bm25Selector, fixedSelector, randomSelector } from './baselines.js';
import { commandSelector } from './command-selector.js';
import type { ExampleSelector } from './example-selector.js';
import { featureSelectors, isFeatureSelector, type FeatureSelectorsOptions } from './feature-selectors.js';

const BASELINES = [randomSelector, fixedSelector, bm25Selector];

/**
 * @param names random, fixed, bm25; a feature set, or `mmr:` and one; `NAME=COMMAND` for a program
 * @param engine is asked for only when features are needed
 * @throws {FungiError} INVALID_ARGUMENT for a name that is unknown, or given twice
 */
export async function namedSelectors(
  names: readonly string[],
  options: Omit<FeatureSelectorsOptions, 'names'>,
  engine: () => Promise<GradientEngine>,
): Promise<ExampleSelector[]> {
  const titles = names.map(titleOf);
  const twice = titles.find((title, i) => titles.indexOf(title) !== i);
  if (twice !== undefined) throw new FungiError('INVALID_ARGUMENT', `selector "${twice}" is given twice`);
  const unknown = names.find((name) => !isCommand(name) && !isFeatureSelector(name) && baselineOf(name) === undefined);
  if (unknown !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', `"${unknown}" is not a selector`, {
      hint: `There are ${BASELINES.map(({ name }) => name).join(', ')}; feature sets (embedding, kl, simclr, kl+simclr, only:kl), mmr: before one; and NAME=COMMAND for a program.`,
    });
  }
  const sets = names.filter((name) => !isCommand(name) && isFeatureSelector(name));
  const byFeatures = sets.length === 0 ? [] : featureSelectors(await engine(), { ...options, names: sets });
  return names.map((name) => {
    if (isCommand(name)) return commandSelector(titleOf(name), name.slice(name.indexOf('=') + 1));
    return baselineOf(name) ?? byFeatures[sets.indexOf(name)]!;
  });
}

const isCommand = (name: string): boolean => /^[\w.-]+=./.test(name);
const titleOf = (name: string): string => (isCommand(name) ? name.slice(0, name.indexOf('=')) : name);
const baselineOf = (name: string): ExampleSelector | undefined => BASELINES.find((each) => each.name === name);
