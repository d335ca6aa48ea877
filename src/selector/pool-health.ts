/** The rows of an open index as the pool whose health is asked for. */
import { Rng } from '../core/rng.js';
import { Pace } from '../health/pace.js';
import { poolHealth, type HealthOptions, type HealthReport } from '../health/pool-health.js';
import type { LoadedRows } from './loaded-rows.js';
import type { Spaces } from './spaces.js';
import type { OpenedIndex } from './opened-index.js';
import { assertItems, type EmbedOptions } from './embedder.js';
import { abortedBy } from './featurizer.js';

/** The rows of this moment, copied: what changes meanwhile does not count. @throws {FungiError} as {@link poolHealth}; ABORTED */
export async function healthOf(
  rows: LoadedRows,
  { manifest: { metric }, featurizer, onProgress }: OpenedIndex,
  { plain }: Spaces,
  { signal, ...options }: HealthOptions & EmbedOptions,
): Promise<HealthReport> {
  const check = (): void => {
    if (signal?.aborted === true) throw abortedBy(signal);
  };
  check();
  const { dims, modality } = featurizer;
  for (const items of [options.queries, options.unlabelled]) if (items !== undefined) assertItems(items);
  const entries = rows.sample(rows.size, Rng.stream(0, 'health')); // all of them, in insertion order
  const pace = new Pace({ check });
  const vectors = new Float32Array(entries.length * dims);
  await pace.each(entries.length, (row) => {
    vectors.set(plain.rows(entries[row]!.vector), row * dims);
  });
  const pool = { examples: entries.map(({ example }) => example), vectors, dims, metric, modality };
  return poolHealth(pool, options, {
    encode: async (items, stage) =>
      plain.rows((await featurizer.featurize(items, { stage, onProgress, signal })).vectors),
    onRows: (done, total) => {
      onProgress?.({ stage: 'neighbours', done, total, unit: 'rows' });
    },
    pace,
  });
}
