/** What both safe templates ask of their examples. */
import type { BaseExampleSelector } from '@langchain/core/example_selectors';
import { FungiError } from '../../core/errors.js';

type Values = Record<string, unknown>;

interface Source {
  readonly examples?: readonly Values[] | undefined;
  readonly exampleSelector?: BaseExampleSelector | undefined;
}

/** What fills an example. */
interface ExamplePrompt {
  readonly inputVariables: readonly string[];
  readonly partialVariables?: object;
  readonly templateFormat?: unknown;
}

/**
 * The examples, whole.
 *
 * @throws {FungiError} TEMPLATE_INVALID where an example lacks one: LangChain would write "undefined"
 */
export async function exampleValues(source: Source, variables: Values, prompt: ExamplePrompt): Promise<Values[]> {
  const examples =
    source.examples ?? (await source.exampleSelector?.selectExamples(variables as Record<string, string>));
  // A section of mustache may be absent.
  const { inputVariables, partialVariables = {}, templateFormat } = prompt;
  const wanted = templateFormat === 'mustache' ? [] : inputVariables;
  return (examples ?? []).map((example, i) => {
    const missing = wanted.find((key) => ![example, partialVariables].some((from) => Object.hasOwn(from, key)));
    if (missing !== undefined) {
      throw new FungiError(
        'TEMPLATE_INVALID',
        `examplePrompt asks for "${missing}", and example ${i} has ${Object.keys(example).join(', ')}`,
        { hint: 'Use keys that every example has, or fill the variable with examplePrompt.partial().' },
      );
    }
    return example;
  });
}
