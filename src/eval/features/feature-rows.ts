/**
 * Features of training and test rows for several pools, from one encoding pass: the trunk sees every distinct string once for all of
 * them. Blocks go to files as they are made and are read back in pieces, so that memory does not grow with the rows, and what an
 * earlier run made is not made again.
 */
import { fingerprintLines, type Json } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import { buildArtefacts } from '../../features/artefacts.js';
import { FeatureExtractor } from '../../features/extractor.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import { featureSpec, type FeatureOptions, type FeatureSpec } from '../../features/spec.js';
import { encodeDistinct } from '../../features/strings.js';
import { windows } from '../../features/windows.js';
import type { Pool } from '../data/pools.js';
import type { BlockFile } from './block-file.js';
import { BlockFiles, type FeatureCacheOptions } from './feature-cache.js';
import type { FeatureSet, LossName } from './feature-sets.js';
import type { RowSource } from './row-source.js';

/** A loss as a caller writes it: everything but its name has the paper's default. */
export type LossInput = NonNullable<FeatureOptions['losses']>[number];

export interface FeatureRowsOptions {
  readonly train: readonly Item[];
  readonly test: readonly Item[];
  /** Of each loss its settings, or its name alone. */
  readonly losses: readonly LossInput[];
  readonly pools: readonly Pool[];
  /** Mode and projection. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'> | undefined;
  /** Without one, features are made anew, and gone afterwards. */
  readonly cache?: FeatureCacheOptions | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** What one feature set sees of a pool, and of the test rows. */
export interface SetRows {
  /** In the order of the pool, [n,F]. */
  readonly pool: RowSource;
  /** [B,F] */
  readonly queries: RowSource;
}

/** What features are made with. */
export interface Frozen {
  readonly spec: FeatureSpec;
  readonly artefacts: FeatureArtefacts;
}

export class FeatureRows {
  private constructor(
    private readonly options: FeatureRowsOptions,
    private readonly files: BlockFiles,
    private readonly embedding: BlockFile,
    /** For each pool its blocks, in the order of the losses. */
    private readonly blocks: readonly (readonly LossBlock[])[],
  ) {}

  /** @throws {FungiError} INVALID_TEXT; OP_UNSUPPORTED; STORAGE_FAILED */
  static async encode(engine: GradientEngine, options: FeatureRowsOptions): Promise<FeatureRows> {
    if (options.losses.length > 0) engine.assertDifferentiable();
    const files = new BlockFiles(options.cache);
    try {
      const embedding = await files.of({ block: 'embedding' });
      const blocks: LossBlock[][] = [];
      for (const pool of options.pools) {
        const own: LossBlock[] = [];
        for (const loss of options.losses) own.push(await LossBlock.open(engine, files, loss, pool, options));
        blocks.push(own);
      }
      const rows = new FeatureRows(options, files, embedding, blocks);
      await rows.complete(engine);
      return rows;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Rows that were longer than the encoder reads: of the training rows that some pool has, and of the test rows. */
  get truncated(): { readonly train: number; readonly test: number } {
    const cut = (items: readonly Item[]): number => items.filter((item) => this.embedding.isTruncated(item)).length;
    return { train: cut(this.trainItems()), test: cut(this.options.test) };
  }

  /** @param pool its place among the pools */
  of(set: FeatureSet, pool: number): SetRows {
    const { train, test, pools, settings, losses } = this.options;
    const spec = featureSpec({ ...settings, losses: [...losses] });
    const parts = [
      ...this.blocks[pool]!.filter(({ name }) => set.losses.includes(name)).map(({ name, file }) => ({
        file,
        weight: spec.losses.find((loss) => loss.name === name)!.weight,
      })),
      ...(set.embedding ? [{ file: this.embedding, weight: spec.embeddingWeight }] : []),
    ];
    return {
      pool: joined(
        pools[pool]!.rows.map((row) => train[row]!),
        parts,
      ),
      queries: joined(test, parts),
    };
  }

  /** What a pool's features are made with; made now where every block was there already. */
  async frozen(pool: number): Promise<Frozen> {
    const own = this.blocks[pool]!;
    const parts: Frozen[] = [];
    for (const block of own) parts.push(await block.frozen());
    const { seed } = this.options.pools[pool]!;
    return {
      spec: featureSpec({ ...this.options.settings, losses: [...this.options.losses], seed }),
      artefacts: {
        tensors: Object.assign({}, ...parts.map(({ artefacts }) => artefacts.tensors)) as FeatureArtefacts['tensors'],
        widths: Object.assign({}, ...parts.map(({ artefacts }) => artefacts.widths)) as FeatureArtefacts['widths'],
      },
    };
  }

  async close(): Promise<void> {
    await this.files.close();
  }

  /** Training rows that some pool has: with few shots most have no vote, and need no features. */
  private trainItems(): Item[] {
    const inUse = new Set(this.options.pools.flatMap(({ rows }) => rows));
    return this.options.train.filter((_, row) => inUse.has(row));
  }

  /** Makes what no file has yet. */
  private async complete(engine: GradientEngine): Promise<void> {
    const { test, onProgress } = this.options;
    const needed = [...new Set([...this.trainItems(), ...test])];
    const lossBlocks = this.blocks.flat();
    const isMissing = (item: Item): boolean =>
      !this.embedding.has(item) || lossBlocks.some((block) => block.lacks(item));
    const items = needed.filter(isMissing);
    if (items.length === 0) return;
    const missing = lossBlocks.filter((block) => items.some((item) => block.lacks(item)));
    for (const block of missing) await block.prepare();
    const embed = await embeddingExtractor(engine);
    const strings = missing.reduce((sum, block) => sum + block.stringsPerItem, 1);
    for (const { start, end } of windows(items, strings)) {
      const window = items.slice(start, end);
      const work = missing.map((block) => ({ block, own: window.filter((item) => block.lacks(item)) }));
      const all = [...window, ...work.flatMap(({ block, own }) => [...block.extractor.strings(own)])];
      const encoded = await encodeDistinct(engine, all, ({ done, total }) => {
        onProgress?.({
          stage: 'features',
          done: start + Math.floor(((end - start) * done) / total),
          total: items.length,
          unit: 'rows',
        });
      });
      for (const { block, own } of work) {
        const { rows, truncated } = await block.extractor.features(encoded, own);
        await block.append(own, rows, truncated);
        // The gradient's program gives f(x) too.
        await this.addEmbeddings(own, columns(rows, block.extractor, 'embedding'), truncated);
      }
      const left = window.filter((item) => !this.embedding.has(item));
      const { rows, truncated } = await embed.features(encoded, left);
      await this.addEmbeddings(left, rows, truncated);
    }
  }

  private async addEmbeddings(
    items: readonly Item[],
    rows: Float32Array,
    truncated: readonly boolean[],
  ): Promise<void> {
    const width = rows.length / items.length;
    const fresh = items.flatMap((item, i) => (this.embedding.has(item) ? [] : [i]));
    const kept = new Float32Array(fresh.length * width);
    fresh.forEach((i, place) => {
      kept.set(rows.subarray(i * width, (i + 1) * width), place * width);
    });
    await this.embedding.append(
      fresh.map((i) => items[i]!),
      kept,
      fresh.map((i) => truncated[i]!),
    );
  }
}

/** The gradient block of one loss, whose head, negatives and landmarks are one pool's. */
class LossBlock {
  private made: Promise<Frozen> | undefined;
  private ready: FeatureExtractor | undefined;
  private readonly wanted: ReadonlySet<Item>;

  private constructor(
    readonly name: LossName,
    readonly file: BlockFile,
    private readonly engine: GradientEngine,
    private readonly spec: FeatureSpec,
    private readonly pool: readonly Item[],
    test: readonly Item[],
    private readonly onProgress: OnProgress | undefined,
  ) {
    this.wanted = new Set([...pool, ...test]);
  }

  static async open(
    engine: GradientEngine,
    files: BlockFiles,
    input: LossInput,
    { seed, rows }: Pool,
    { train, test, settings, onProgress }: FeatureRowsOptions,
  ): Promise<LossBlock> {
    const spec = featureSpec({ ...settings, losses: [input], seed });
    const pool = rows.map((row) => train[row]!);
    const [loss] = spec.losses;
    // Weights are applied when rows are joined.
    const settled = { ...spec, embeddingWeight: 1, losses: [{ ...loss!, weight: 1 }] };
    const file = await files.of({ block: input.name, spec: settled as unknown as Json, pool: fingerprintLines(pool) });
    return new LossBlock(input.name, file, engine, settled, pool, test, onProgress);
  }

  /** Whether an item's block is needed, and not there. */
  lacks(item: Item): boolean {
    return this.wanted.has(item) && !this.file.has(item);
  }

  frozen(): Promise<Frozen> {
    this.made ??= buildArtefacts(this.engine, this.spec, this.pool, this.onProgress).then((artefacts) => ({
      spec: this.spec,
      artefacts,
    }));
    return this.made;
  }

  async prepare(): Promise<void> {
    const { spec, artefacts } = await this.frozen();
    this.ready = await FeatureExtractor.create(this.engine, spec, artefacts);
  }

  /** Once {@link prepare}d. */
  get extractor(): FeatureExtractor {
    return this.ready!;
  }

  get stringsPerItem(): number {
    return this.extractor.stringsPerItem - 1; // the item itself is counted once for all
  }

  async append(items: readonly Item[], rows: Float32Array, truncated: readonly boolean[]): Promise<void> {
    await this.file.append(items, columns(rows, this.extractor, this.name), truncated);
  }
}

const embeddingExtractor = (engine: GradientEngine): Promise<FeatureExtractor> =>
  FeatureExtractor.create(engine, featureSpec({}), { tensors: {}, widths: {} });

/** The columns of one block, [n,F] → [n,M]. */
function columns(rows: Float32Array, { layout }: FeatureExtractor, name: string): Float32Array {
  const { start, width } = layout.blocks.find((block) => block.name === name)!;
  const count = rows.length / layout.width;
  const out = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const from = row * layout.width + start;
    out.set(rows.subarray(from, from + width), row * width);
  }
  return out;
}

/** Rows of several blocks side by side, each at its weight. */
function joined(
  items: readonly Item[],
  parts: readonly { readonly file: BlockFile; readonly weight: number }[],
): RowSource {
  const width = parts.reduce((sum, { file }) => sum + file.width, 0);
  return {
    count: items.length,
    width,
    async read(start, end) {
      const out = new Float32Array((end - start) * width);
      let at = 0;
      for (const { file, weight } of parts) {
        await file.read(items.slice(start, end), out, at, width);
        if (weight !== 1) scale(out, { at, count: file.width, stride: width, by: weight });
        at += file.width;
      }
      return out;
    },
  };
}

function scale(
  rows: Float32Array,
  {
    at,
    count,
    stride,
    by,
  }: { readonly at: number; readonly count: number; readonly stride: number; readonly by: number },
): void {
  for (let from = at; from < rows.length; from += stride) {
    for (let j = from; j < from + count; j++) rows[j]! *= by;
  }
}
