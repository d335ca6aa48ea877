/** Features of training and test rows under several seeds, from one encoding pass: the trunk sees every distinct string once for all. */
import type { Item } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import { buildArtefacts } from '../../features/artefacts.js';
import { FeatureExtractor } from '../../features/extractor.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import { featureSpec, type FeatureOptions, type FeatureSpec } from '../../features/spec.js';
import { encodeDistinct } from '../../features/strings.js';
import { windows } from '../../features/windows.js';
import { FeatureColumns, type FeatureSet, type LossName } from './feature-sets.js';

export interface FeatureRowsOptions {
  readonly train: readonly Item[];
  readonly test: readonly Item[];
  readonly losses: readonly LossName[];
  readonly seeds: readonly number[];
  /** Rows of `train` that form the pool under each seed, in the order of the seeds. */
  readonly pools: readonly (readonly number[])[];
  /** Mode, projection and hyper-parameters; losses and seed come from above. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'> | undefined;
  /** Told, for each seed, what its features are made with. */
  readonly onArtefacts?: ((spec: FeatureSpec, artefacts: FeatureArtefacts) => void) | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What one feature set sees of a seed's pool, and of the test rows. */
export interface SetRows {
  /** [n,width], in the order of the pool. */
  readonly pool: Float32Array;
  /** [B,width] */
  readonly queries: Float32Array;
}

export class FeatureRows {
  private constructor(
    private readonly options: FeatureRowsOptions,
    private readonly extractors: readonly FeatureExtractor[],
    /** [rows,F] for each seed: of the training rows in use, then of the test rows. */
    private readonly rows: readonly Float32Array[],
    /** Where a training row in use stands. */
    private readonly places: ReadonlyMap<number, number>,
    /** Rows that were longer than the encoder reads. */
    readonly truncated: { readonly train: number; readonly test: number },
  ) {}

  static async encode(engine: GradientEngine, options: FeatureRowsOptions): Promise<FeatureRows> {
    const { train, test, seeds, pools, losses, onProgress } = options;
    // With few shots most training rows vote under no seed, and need no features.
    const inUse = new Set(pools.flat());
    const used = train.map((_, row) => row).filter((row) => inUse.has(row));
    const items = [...used.map((row) => train[row]!), ...test];
    const extractors: FeatureExtractor[] = [];
    for (const [i, seed] of seeds.entries()) {
      const spec = featureSpec({ ...options.settings, losses: losses.map((name) => ({ name })), seed });
      const artefacts = await buildArtefacts(engine, spec, pools[i]!.map((row) => train[row]!), onProgress); // prettier-ignore
      options.onArtefacts?.(spec, artefacts);
      extractors.push(await FeatureExtractor.create(engine, spec, artefacts));
    }
    const { rows, truncated } = await encodeOnce(engine, extractors, items, onProgress);
    const cut = (part: readonly boolean[]): number => part.filter(Boolean).length;
    return new FeatureRows(options, extractors, rows, new Map(used.map((row, i) => [row, i])), {
      train: cut(truncated.slice(0, used.length)),
      test: cut(truncated.slice(used.length)),
    });
  }

  /** @param seed its place among the seeds */
  of(set: FeatureSet, seed: number): SetRows {
    const columns = new FeatureColumns(this.extractors[seed]!.layout, set);
    const features = columns.of(this.rows[seed]!);
    const { width } = columns;
    const rows = this.options.pools[seed]!;
    const pool = new Float32Array(rows.length * width);
    rows.forEach((row, i) => {
      const place = this.places.get(row)!;
      pool.set(features.subarray(place * width, (place + 1) * width), i * width);
    });
    return { pool, queries: features.subarray(features.length - this.options.test.length * width) };
  }
}

/**
 * Full feature rows of every item, [n,F] for each extractor, and which items were cut: each window's distinct strings go through the
 * trunk once for all.
 */
async function encodeOnce(
  engine: GradientEngine,
  extractors: readonly FeatureExtractor[],
  items: readonly Item[],
  onProgress: OnProgress | undefined,
): Promise<{ readonly rows: Float32Array[]; readonly truncated: boolean[] }> {
  const truncated: boolean[] = [];
  const rows = extractors.map(({ layout }) => new Float32Array(items.length * layout.width));
  const strings = extractors.reduce((sum, extractor) => sum + extractor.stringsPerItem, 0);
  for (const { start, end } of windows(items, strings)) {
    const window = items.slice(start, end);
    const all = extractors.flatMap((extractor) => [...extractor.strings(window)]);
    const encoded = await encodeDistinct(engine, all, ({ done, total }) => {
      onProgress?.({
        stage: 'features',
        done: start + Math.floor(((end - start) * done) / total),
        total: items.length,
        unit: 'rows',
      });
    });
    for (const [i, extractor] of extractors.entries()) {
      const { rows: part, truncated: cut } = await extractor.features(encoded, window);
      rows[i]!.set(part, start * extractor.layout.width);
      if (i === 0) truncated.push(...cut);
    }
  }
  return { rows, truncated };
}
