/** What both safe templates ask of their examples. */
import type { BaseExampleSelector } from '@langchain/core/example_selectors';
import { FungiError } from '../../core/errors.js';

type Values = Record<string, unknown>;

interface Source {
  readonly examples?: readonly Values[] | undefined;
  readonly exampleSelector?: BaseExampleSelector | undefined;
}

/**
 * The examples, each reduced to the keys that `wanted` names.
 *
 * @throws {FungiError} TEMPLATE_INVALID where an example lacks one: LangChain would write "undefined"
 */
export async function exampleValues(source: Source, variables: Values, wanted: readonly string[]): Promise<Values[]> {
  const examples =
    source.examples ?? (await source.exampleSelector?.selectExamples(variables as Record<string, string>));
  return (examples ?? []).map((example, i) => {
    const missing = wanted.find((key) => !Object.hasOwn(example, key));
    if (missing !== undefined) {
      throw new FungiError(
        'TEMPLATE_INVALID',
        `examplePrompt asks for "${missing}", and example ${i} has ${Object.keys(example).join(', ')}`,
        { hint: 'Use keys that every example has, or fill the variable with examplePrompt.partial().' },
      );
    }
    return Object.fromEntries(wanted.map((key) => [key, example[key]]));
  });
}
