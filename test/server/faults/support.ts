/** An index for servers to be hurt with, and what the disk holds of it. */
import { join } from 'node:path';
import type { ExampleInput } from '../../../src/core/item.js';
import { FungiSelector } from '../../../src/selector/selector.js';
import { findIndex } from '../../../src/store/index-folder.js';
import { LanceStore } from '../../../src/store/lance.js';
import type { StoreProblem } from '../../../src/store/store.js';
import { tinyExamples, type Place } from '../../selector/support.js';
import type { Answer, ServerProcess } from './server-process.js';

export const INDEX = 'tiny';
export const ROWS = 24;

/** An index of {@link ROWS} examples and eight dimensions. */
export async function buildTiny(place: Place): Promise<void> {
  const features = { losses: [{ name: 'kl' as const }], projection: { kind: 'khatri-rao' as const, width: 16 } };
  const selector = await FungiSelector.build({
    ...place.options(INDEX),
    ...{ examples: tinyExamples(ROWS), features, dims: 8 },
  });
  await selector.close();
}

/** Where the index of {@link buildTiny} lies. */
export const folderOf = (place: Place): Promise<string> => findIndex(join(place.folder, 'indexes'), INDEX);

const LETTERS = 'abcd';

/** A text of its own for each number: none finds another's feature in the cache. */
export const textOf = (i: number): string =>
  `${i.toString(4).replace(/\d/g, (digit) => `${LETTERS[Number(digit)]!} `)}${i % 2 === 0 ? 'cat' : 'dog'}`;

/** Examples `${prefix}0`, `${prefix}1`, … */
export const examplesOf = (prefix: string, count: number): (ExampleInput & { readonly id: string })[] =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    input: textOf(i),
    label: i % 2 === 0 ? 'cat' : 'dog',
  }));

export const retrieve = (server: ServerProcess, query: string, k = 5): Promise<Answer> =>
  server.post(`/v1/indexes/${INDEX}/retrieve`, { query, k });

export const add = (server: ServerProcess, examples: readonly ExampleInput[]): Promise<Answer> =>
  server.post(`/v1/indexes/${INDEX}/examples`, { examples });

/** Ids of the at most thousand examples that a server finds, sorted. */
export async function idsOf(server: ServerProcess): Promise<string[]> {
  const { body } = await retrieve(server, 'cat', 1000);
  return (body['examples'] as { id: string }[]).map(({ id }) => id).sort();
}

/** What lies on the disk, read by this process: ids as often as they are stored, and what is wrong. */
export async function onDisk(place: Place): Promise<{ ids: string[]; problems: readonly StoreProblem[] }> {
  const store = await LanceStore.open(await folderOf(place));
  try {
    const ids: string[] = [];
    for await (const rows of store.scan()) ids.push(...rows.map(({ id }) => id));
    return { ids: ids.sort(), problems: (await store.verify()).problems };
  } finally {
    await store.close();
  }
}
