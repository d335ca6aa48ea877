/** Between examples and stored rows. */
import { assertExample } from '../core/example-check.js';
import type { Example, ExampleInput } from '../core/item.js';
import { ExactSearch } from '../retrieve/exact-search.js';
import { exampleId, type StoredRow } from '../store/store.js';
import type { OpenedIndex } from './opened-index.js';

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

/** The store's rows, and their vectors as one hot matrix. */
export async function readRows(index: OpenedIndex): Promise<{ rows: Example[]; search: ExactSearch }> {
  const { store, manifest } = index;
  const rows: Example[] = [];
  let vectors = new Float32Array((await store.count()) * store.dims);
  for await (const batch of store.scan()) {
    for (const { vector, ...example } of batch) {
      const end = (rows.length + 1) * store.dims;
      if (end > vectors.length) vectors = grown(vectors, end); // another process added rows since the count
      vectors.set(vector, rows.length * store.dims);
      rows.push(example);
    }
  }
  const search = await ExactSearch.create(vectors.subarray(0, rows.length * store.dims), {
    rows: rows.length,
    dims: store.dims,
    metric: manifest.metric,
  });
  return { rows, search };
}

function grown(values: Float32Array, size: number): Float32Array<ArrayBuffer> {
  const out = new Float32Array(Math.max(size, values.length * 2));
  out.set(values);
  return out;
}
