/** Indexes over a model of a few kilobytes, in a folder of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExampleInput } from '../../src/core/item.js';
import { Rng } from '../../src/core/rng.js';
import type { BuildOptions, OpenOptions, RefitOptions } from '../../src/selector/options.js';
import { tinyModel, writeFiles } from '../encoders/tiny-model.js';

const WORDS = ['the', 'cat', 'dog', 'sat', 'a', 'b', 'c', 'd'];

/** Texts of one to nine words, told apart by their first; ids are r0, r1, … */
export function tinyExamples(count: number): ExampleInput[] {
  return Array.from({ length: count }, (_, i) => {
    const rng = Rng.stream(11, 'examples', i);
    const label = i % 3 === 0 ? 'cat' : 'dog';
    const rest = Array.from({ length: rng.int(9) }, () => WORDS[rng.int(WORDS.length)]!);
    return { id: `r${i}`, input: [label, ...rest].join(' '), label, metadata: { year: 2000 + (i % 5) } };
  });
}

export interface Place {
  readonly folder: string;
  options(
    name: string,
  ): Pick<BuildOptions & OpenOptions, 'name' | 'indexes' | 'encoder' | 'sources'> & { encoder: string };
}

export function placeIn(folder: string): Place {
  return {
    folder,
    options: (name) => ({
      name,
      indexes: join(folder, 'indexes'),
      encoder: join(folder, 'model'),
      sources: { cacheDir: join(folder, 'cache'), offline: true },
    }),
  };
}

/** What is said of the index "bank" that is there: it knows its encoder. */
export function asStored(place: Place): Required<Pick<RefitOptions, 'name' | 'indexes' | 'sources'>> {
  const { name, indexes, sources } = place.options('bank');
  return { name, indexes: indexes!, sources: sources! };
}

/** A folder with a model, to be removed by who made it. */
export async function makePlace(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'fungi-selector-'));
  await writeFiles(join(folder, 'model'), await tinyModel());
  return placeIn(folder);
}

export async function inPlace<T>(work: (place: Place) => Promise<T>): Promise<T> {
  const place = await makePlace();
  try {
    return await work(place);
  } finally {
    await rm(place.folder, { recursive: true, force: true });
  }
}
