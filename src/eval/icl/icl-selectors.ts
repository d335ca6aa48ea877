/** Selectors by name, and `none`: no examples, what the LLM knows without any. */
import { FungiError } from '../../core/errors.js';
import type { GradientEngine } from '../../engine/engine.js';
import type { ExampleSelector } from '../compare/example-selector.js';
import type { FeatureSelectorsOptions } from '../compare/feature-selectors.js';
import { namedSelectors, selectorTitles } from '../compare/named-selectors.js';

export const NONE = 'none';

/** Chooses nothing: the prompt is the instructions and the query (zero-shot). */
export const noneSelector: ExampleSelector = {
  name: NONE,
  seeded: false,
  select: ({ queries }) => Promise.resolve(queries.map(() => [])),
};

/**
 * What the selectors will be called, in the same order.
 *
 * @param names as for {@link selectorTitles}, and `none`
 * @throws {FungiError} INVALID_ARGUMENT for no name, or one that is unknown, taken, or given twice
 */
export function iclTitles(names: readonly string[]): string[] {
  if (names.length === 0) throw new FungiError('INVALID_ARGUMENT', 'there are no selectors to compare');
  if (names.filter((name) => name === NONE).length > 1) {
    throw new FungiError('INVALID_ARGUMENT', `selector "${NONE}" is given twice`);
  }
  const titles = selectorTitles(withoutNone(names));
  if (titles.includes(NONE)) {
    throw new FungiError('INVALID_ARGUMENT', `a program cannot be called "${NONE}": that is a selector of its own`, {
      hint: `Write my-${NONE}=COMMAND.`,
    });
  }
  return names.map((name) => (name === NONE ? NONE : titles.shift()!));
}

/**
 * @param names as for {@link iclTitles}
 * @param engine is asked for only when features are needed
 * @throws {FungiError} INVALID_ARGUMENT as {@link iclTitles}
 */
export async function iclSelectors(
  names: readonly string[],
  options: Omit<FeatureSelectorsOptions, 'names'>,
  engine: () => Promise<GradientEngine>,
): Promise<ExampleSelector[]> {
  iclTitles(names);
  const others = await namedSelectors(withoutNone(names), options, engine);
  return names.map((name) => (name === NONE ? noneSelector : others.shift()!));
}

export const withoutNone = (names: readonly string[]): string[] => names.filter((name) => name !== NONE);
