/**
 * The paper's evaluation (§5.1, §5.3): kNN classification with majority vote over the 20 nearest training rows, of plain embeddings
 * and of FUNGI features side by side. One encoding pass serves every feature set and seed; every set gets the same PCA and L2.
 */
import type { Example, Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine } from '../engine/engine.js';
import { buildArtefacts } from '../features/artefacts.js';
import { FeatureExtractor } from '../features/extractor.js';
import type { FeatureArtefacts } from '../features/frozen.js';
import { featureSpec, type FeatureOptions, type FeatureSpec } from '../features/spec.js';
import { encodeDistinct } from '../features/strings.js';
import { windows } from '../features/windows.js';
import { PcaFitter } from '../reduce/pca.js';
import { ExactSearch } from '../retrieve/exact-search.js';
import { majorityVote, type TieRule } from '../retrieve/vote.js';
import { FeatureColumns, parseFeatureSets } from './feature-sets.js';

export type LabelledItem = Pick<Example, 'input' | 'label'>;

export interface KnnOptions {
  readonly train: readonly LabelledItem[];
  readonly test: readonly LabelledItem[];
  /** E.g. embedding, kl, simclr, kl+simclr (each with the embedding), only:kl (without). */
  readonly features: readonly string[];
  /** @default [0] */
  readonly seeds?: readonly number[];
  /** All rows of a pool that has fewer. @default 20 */
  readonly k?: number;
  /** P; PCA is skipped (centred only) when the pool has no more rows. @default 512 */
  readonly dims?: number;
  /** Who wins a tied vote. @default 'name', as scikit-learn has it for labels that are strings */
  readonly ties?: TieRule;
  /** Mode, projection and hyper-parameters; losses and seed come from above. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'>;
  /** Rows of `train` that form the pool under a seed. @default all */
  readonly sample?: (seed: number) => readonly number[];
  /** Told, for each seed, what its features are made with. */
  readonly onArtefacts?: (spec: FeatureSpec, artefacts: FeatureArtefacts) => void;
  /** Told once how many rows were longer than the encoder reads, of those that any seed's pool has and of the test rows. */
  readonly onTruncated?: (rows: TruncatedRows) => void;
  readonly onProgress?: OnProgress;
}

export interface TruncatedRows {
  readonly train: number;
  readonly test: number;
}

export interface KnnResult {
  readonly features: string;
  readonly seed: number;
  /** Rows in the pool. */
  readonly pool: number;
  /** P, or the set's own width where the pool was too small for a PCA. */
  readonly dims: number;
  /** For each test row whether the vote was right, and the vote. */
  readonly correct: readonly boolean[];
  readonly predicted: readonly string[];
  /** PCA, search and vote; the encoding is shared. */
  readonly seconds: number;
}

/** @throws {FungiError} INVALID_ARGUMENT for a feature set that is unknown or given twice; INVALID_TEXT */
export async function evaluateKnn(engine: GradientEngine, options: KnnOptions): Promise<KnnResult[]> {
  const { train, test, seeds = [0], sample, onProgress } = options;
  const sets = parseFeatureSets(options.features);
  const losses = [...new Set(sets.flatMap((set) => set.losses))].map((name) => ({ name }));
  const pools = seeds.map((seed) => sample?.(seed) ?? train.map((_, i) => i));
  // With few shots most training rows vote under no seed, and need no features.
  const used = train.map((_, row) => row).filter(inAny(pools));
  const items = [...used.map((row) => train[row]!), ...test].map(({ input }) => input);
  const extractors: FeatureExtractor[] = [];
  for (const [i, seed] of seeds.entries()) {
    const spec = featureSpec({ ...options.settings, losses, seed });
    const pool = pools[i]!.map((row) => train[row]!.input);
    const artefacts = await buildArtefacts(engine, spec, pool, onProgress);
    options.onArtefacts?.(spec, artefacts);
    extractors.push(await FeatureExtractor.create(engine, spec, artefacts));
  }
  const { rows, truncated } = await encodeOnce(engine, extractors, items, onProgress);
  const cut = (part: readonly boolean[]): number => part.filter(Boolean).length;
  options.onTruncated?.({ train: cut(truncated.slice(0, used.length)), test: cut(truncated.slice(used.length)) });

  const results: KnnResult[] = [];
  const total = seeds.length * sets.length;
  const tell = (): void => onProgress?.({ stage: 'classify', done: results.length, total, unit: 'runs' });
  const place = new Map(used.map((row, i) => [row, i]));
  for (const [i, seed] of seeds.entries()) {
    const pool: Pool = { rows: pools[i]!, places: pools[i]!.map((row) => place.get(row)!) };
    for (const set of sets) {
      tell();
      const columns = new FeatureColumns(extractors[i]!.layout, set);
      results.push({ ...(await classify(options, columns, rows[i]!, pool)), features: set.name, seed });
    }
  }
  tell();
  return results;
}

function inAny(pools: readonly (readonly number[])[]): (row: number) => boolean {
  const rows = new Set<number>();
  for (const pool of pools) for (const row of pool) rows.add(row);
  return (row) => rows.has(row);
}

interface Pool {
  /** Rows of the training set. */
  readonly rows: readonly number[];
  /** Where their features stand. */
  readonly places: readonly number[];
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

/** One feature set's columns of every item, split into a seed's pool and the test rows. */
async function classify(
  { train, test, ...options }: KnnOptions,
  columns: FeatureColumns,
  rows: Float32Array,
  pool: Pool,
): Promise<Omit<KnnResult, 'features' | 'seed'>> {
  const began = performance.now();
  const features = columns.of(rows);
  const { width } = columns;
  const pooled = new Float32Array(pool.rows.length * width);
  pool.places.forEach((place, i) => {
    pooled.set(features.subarray(place * width, (place + 1) * width), i * width);
  });
  const labels = pool.rows.map((row) => train[row]!.label);
  const queries = features.subarray(features.length - test.length * width);
  const { predicted, dims } = await nearestVotes({ rows: pooled, labels }, queries, options);
  return {
    pool: pool.rows.length,
    dims,
    correct: predicted.map((label, i) => label === test[i]!.label),
    predicted,
    seconds: (performance.now() - began) / 1000,
  };
}

/**
 * PCA fitted on the pool, exact search, majority vote.
 *
 * @param pool features [n,F] and their labels
 * @param queries [B,F]
 * @returns a label for each query, and P
 */
export async function nearestVotes(
  pool: { readonly rows: Float32Array; readonly labels: readonly string[] },
  queries: Float32Array,
  { k = 20, dims = 512, ties = 'name' }: Pick<KnnOptions, 'k' | 'dims' | 'ties'> = {},
): Promise<{ readonly predicted: string[]; readonly dims: number }> {
  const n = pool.labels.length;
  const fitter = new PcaFitter(pool.rows.length / n);
  await fitter.add(pool.rows);
  const reducer = await fitter.fit(dims);
  const reduced = await reducer.transform(pool.rows);
  const search = await ExactSearch.create(reduced, { rows: n, dims: reducer.dims, metric: 'l2' });
  const found = await search.search(await reducer.transform(queries), k);
  const predicted = found.map((neighbours) => {
    const labelled = neighbours.map(({ row, distance }) => ({ label: pool.labels[row]!, distance }));
    return majorityVote(labelled, ties).label;
  });
  return { predicted, dims: reducer.dims };
}
