/** From examples to stored rows. */
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

export function withVectors(examples: readonly Example[], vectors: Float32Array, dims: number): StoredRow[] {
  return examples.map((example, i) => ({ ...example, vector: vectors.subarray(i * dims, (i + 1) * dims) }));
}
