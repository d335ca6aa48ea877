/** From examples to stored rows. */
import { FungiError } from '../core/errors.js';
import { assertExample } from '../core/example-check.js';
import type { Example, ExampleInput } from '../core/item.js';
import { exampleId, type StoredRow } from '../store/store.js';

/**
 * An example with its key: the user's id, else a digest of content and label.
 *
 * @throws {FungiError} INVALID_TEXT, INVALID_DATA: what is refused here is refused before anything is encoded
 */
export function withId(example: ExampleInput, where: string): Example {
  assertExample(example, where);
  const { input, label, metadata = {} } = example;
  return { id: example.id ?? exampleId(input, label), input, label, metadata };
}

/**
 * Examples with their keys; a row that repeats an id replaces the earlier one, as an upsert would.
 *
 * @throws {FungiError} INVALID_DATA where there are none; as {@link withId}
 */
export function distinct(inputs: readonly ExampleInput[]): Example[] {
  if (inputs.length === 0) throw new FungiError('INVALID_DATA', 'there are no examples to index');
  return [
    ...new Map(
      inputs.map((input, i) => withId(input, `example ${i}`)).map((example) => [example.id, example]),
    ).values(),
  ];
}

export function withVectors(examples: readonly Example[], vectors: Float32Array, dims: number): StoredRow[] {
  return examples.map((example, i) => ({ ...example, vector: vectors.subarray(i * dims, (i + 1) * dims) }));
}
