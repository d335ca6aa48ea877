/**
 * Features of training and test rows for several pools and settings, from one encoding pass: the trunk sees every distinct string once
 * for all of them. Blocks go to files as they are made and are read back in pieces, so that memory does not grow with the rows, and
 * what an earlier run made is not made again.
 */
import type { FeatureBlock } from '../../auto/columns.js';
import { copyNumbers } from '../../core/duplicates.js';
import type { FungiError } from '../../core/errors.js';
import type { Content } from '../../core/content.js';
import type { Item, Modality } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import { assertText } from '../../core/text.js';
import type { GradientEngine } from '../../engine/engine.js';
import { FeatureExtractor } from '../../features/extractor.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import { featureSpec, type FeatureOptions } from '../../features/spec.js';
import { encodeDistinct, type EncodedViews } from '../../features/distinct-views.js';
import { keptOf, windows } from '../../features/windows.js';
import type { Pool } from '../data/pools.js';
import type { BlockFile } from './block-file.js';
import { BlockFiles, type FeatureCacheOptions } from './feature-cache.js';
import type { FeatureSet } from './feature-sets.js';
import { joined } from './joined-rows.js';
import { LossBlock, type Frozen, type LossInput } from './loss-block.js';
import type { RowSource } from './row-source.js';

export type { Frozen, LossInput };

/** What the features of a pass have in common. */
export interface FeaturePassOptions {
  readonly train: readonly Item[];
  readonly test: readonly Item[];
  readonly pools: readonly Pool[];
  /** Without one, features are made anew, and gone afterwards. */
  readonly cache?: FeatureCacheOptions | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How features are made. */
export interface FeatureVariant {
  /** Of each loss its settings, or its name alone. */
  readonly losses: readonly LossInput[];
  /** Mode and projection. */
  readonly settings?: Omit<FeatureOptions, 'losses' | 'seed'> | undefined;
}

export interface FeatureRowsOptions extends FeaturePassOptions, FeatureVariant {}

/** What one feature set sees of a pool, and of the test rows. */
export interface SetRows {
  /** In the order of the pool, [n,F]. */
  readonly pool: RowSource;
  /** [B,F] */
  readonly queries: RowSource;
  /** Of each row of the pool a number that its copies share: a reduction that holds rows out holds them out together [n]. */
  readonly copies: readonly number[];
  /** Blocks of a row, where it is to be chosen on the pool which of them take part. */
  readonly choosable?: readonly FeatureBlock[];
}

export class FeatureRows {
  private constructor(
    private readonly pass: FeaturePass,
    private readonly modality: Modality,
    private readonly variant: FeatureVariant,
    /** For each pool its blocks, in the order of the losses. */
    private readonly blocks: readonly (readonly LossBlock[])[],
  ) {}

  /** @throws {FungiError} INVALID_TEXT; OP_UNSUPPORTED; STORAGE_FAILED */
  static async encode(engine: GradientEngine, options: FeatureRowsOptions): Promise<FeatureRows> {
    const { losses, settings } = options;
    const [rows] = await FeatureRows.encodeAll(engine, options, [{ losses, settings }]);
    return rows!;
  }

  /**
   * Several variants over one pass. They share their files: closing one closes all. A variant that cannot be made says so in its
   * `failure`, and has no rows; where none can, the first one's is thrown.
   *
   * @throws {FungiError} as {@link encode}
   */
  static async encodeAll(
    engine: GradientEngine,
    options: FeaturePassOptions,
    variants: readonly FeatureVariant[],
  ): Promise<FeatureRows[]> {
    const { train, test, onProgress } = options;
    train.forEach((item, row) => {
      assertText(item, `training row ${row}`);
    });
    test.forEach((item, row) => {
      assertText(item, `test row ${row}`);
    });
    if (variants.some(({ losses }) => losses.length > 0)) engine.assertDifferentiable();
    const keyOf = await identities(engine, [...train, ...test]);
    const files = new BlockFiles(options.cache, keyOf);
    try {
      const pass = new FeaturePass(options, files, await files.of({ block: 'embedding' }), keyOf);
      const known = new Map<string, LossBlock>();
      const all: FeatureRows[] = [];
      for (const variant of variants) {
        const blocks: LossBlock[][] = [];
        for (const { seed, rows, unlabelled = rows } of options.pools) {
          const [pool, drawnFrom] = [rows, unlabelled].map((from) => from.map((row) => train[row]!)) as [
            Item[],
            Item[],
          ];
          const own: LossBlock[] = [];
          for (const loss of variant.losses) {
            const { settings } = variant;
            own.push(
              await LossBlock.open(
                engine,
                files,
                { loss, settings, seed, pool, drawnFrom, test, keyOf, onProgress },
                known,
              ),
            );
          }
          blocks.push(own);
        }
        all.push(new FeatureRows(pass, engine.info.modality, variant, blocks));
      }
      await pass.complete(engine, [...known.values()], () => {
        if (all.every(({ failure }) => failure !== undefined)) throw all[0]!.failure!;
      });
      return all;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Why there are no rows. */
  get failure(): FungiError | undefined {
    return this.blocks.flat().find(({ failure }) => failure !== undefined)?.failure;
  }

  /** Rows that were longer than the encoder reads: of the training rows that some pool has, and of the test rows. */
  get truncated(): { readonly train: number; readonly test: number } {
    return this.pass.truncated;
  }

  /** @param pool its place among the pools */
  of(set: FeatureSet, pool: number): SetRows {
    const { train, test, pools } = this.pass.options;
    const { settings, losses } = this.variant;
    const spec = featureSpec({ ...settings, losses: [...losses] }, this.modality);
    const parts = [
      ...this.blocks[pool]!.filter(({ name }) => set.losses.includes(name)).map(({ name, file }) => ({
        name,
        file,
        weight: spec.losses.find((loss) => loss.name === name)!.weight,
      })),
      ...(set.embedding ? [{ name: 'embedding', file: this.pass.embedding, weight: spec.embeddingWeight }] : []),
    ];
    const blocks: FeatureBlock[] = [];
    for (const { name, file } of parts) {
      const { start, width } = blocks.at(-1) ?? { start: 0, width: 0 };
      blocks.push({ name, start: start + width, width: file.width });
    }
    const items = pools[pool]!.rows.map((row) => train[row]!);
    return {
      pool: joined(items, parts),
      queries: joined(test, parts),
      copies: copyNumbers(items.map(this.pass.keyOf), this.modality),
      ...(set.auto && { choosable: blocks }),
    };
  }

  /** What a pool's features are made with; made now where every block was there already. */
  async frozen(pool: number): Promise<Frozen> {
    const own = this.blocks[pool]!;
    const parts: Frozen[] = [];
    for (const block of own) parts.push(await block.frozen());
    const { losses, settings } = this.variant;
    return {
      spec: featureSpec({ ...settings, losses: [...losses], seed: this.pass.options.pools[pool]!.seed }, this.modality),
      artefacts: {
        tensors: Object.assign({}, ...parts.map(({ artefacts }) => artefacts.tensors)) as FeatureArtefacts['tensors'],
        widths: Object.assign({}, ...parts.map(({ artefacts }) => artefacts.widths)) as FeatureArtefacts['widths'],
      },
    };
  }

  async close(): Promise<void> {
    await this.pass.files.close();
  }
}

/** One walk over the texts, for all blocks that lack any. */
class FeaturePass {
  constructor(
    readonly options: FeaturePassOptions,
    readonly files: BlockFiles,
    readonly embedding: BlockFile,
    /** What tells items apart. */
    readonly keyOf: (item: Item) => string,
  ) {}

  get truncated(): { readonly train: number; readonly test: number } {
    const cut = (items: readonly Item[]): number => items.filter((item) => this.embedding.isTruncated(item)).length;
    return { train: cut(this.trainItems()), test: cut(this.options.test) };
  }

  /** Makes what no file has yet. @param onFailure called when a block cannot be made: throws where there is no point in going on */
  async complete(engine: GradientEngine, blocks: readonly LossBlock[], onFailure: () => void): Promise<void> {
    const { test, onProgress } = this.options;
    const needed = [...new Set([...this.trainItems(), ...test])];
    const isMissing = (item: Item): boolean => !this.embedding.has(item) || blocks.some((block) => block.lacks(item));
    const items = needed.filter(isMissing);
    if (items.length === 0) return;
    const missing = blocks.filter((block) => items.some((item) => block.lacks(item)));
    const attempt = async (block: LossBlock, step: () => Promise<void>): Promise<void> => {
      await block.attempt(step);
      if (block.failure !== undefined) onFailure();
    };
    for (const block of missing) await attempt(block, () => block.prepare());
    const embed = await embeddingExtractor(engine);
    const kept = missing.some(({ maker }) => maker.tokens !== undefined) ? 'tokens' : 'pooled';
    for (const { start, end } of windows(items, viewsPerItem(missing), keptOf(engine.info, kept))) {
      const window = await opened(engine, items.slice(start, end));
      const work = missing
        .filter(({ failure }) => failure === undefined)
        .map((block) => ({ block, own: window.filter(({ item }) => block.lacks(item)) }));
      const all = [
        ...contentsOf(window),
        ...work.flatMap(({ block, own }) => [...block.extractor.views(contentsOf(own))]),
      ];
      const tell: OnProgress = ({ done, total }) => {
        const rows = start + Math.floor(((end - start) * done) / total);
        onProgress?.({ stage: 'features', done: rows, total: items.length, unit: 'rows' });
      };
      const encoded = await encodeDistinct(engine, all, tell, kept);
      for (const { block, own } of work) await attempt(block, () => this.addBlock(encoded, block, own));
      // The gradient's program gives f(x) too, to the last digit or two: which ran first must not decide what is kept.
      const left = window.filter(({ item }) => !this.embedding.has(item));
      if (left.length === 0) continue;
      const { rows, truncated } = await embed.features(encoded, contentsOf(left));
      await this.embedding.append(itemsOf(left), rows, truncated);
    }
  }

  private async addBlock(encoded: EncodedViews, block: LossBlock, opened: readonly Opened[]): Promise<void> {
    const { rows, truncated } = await block.extractor.features(encoded, contentsOf(opened));
    await block.append(itemsOf(opened), rows, truncated);
  }

  /** Training rows that some pool has: with few shots most have no vote, and need no features. */
  private trainItems(): Item[] {
    const inUse = new Set(this.options.pools.flatMap(({ rows }) => rows));
    return this.options.train.filter((_, row) => inUse.has(row));
  }
}

/** What tells items apart: of media the bytes, which may change where they lie. */
async function identities(engine: GradientEngine, items: readonly Item[]): Promise<(item: Item) => string> {
  const keys = await engine.identify(items);
  const known = new Map(items.map((item, i) => [item, keys[i]!]));
  return (item) => known.get(item)!;
}

/** An item and what it is. */
interface Opened {
  readonly item: Item;
  readonly content: Content;
}

async function opened(engine: GradientEngine, items: readonly Item[]): Promise<Opened[]> {
  const contents = await engine.open(items);
  return items.map((item, i) => ({ item, content: contents[i]! }));
}

const itemsOf = (opened: readonly Opened[]): Item[] => opened.map(({ item }) => item);
const contentsOf = (opened: readonly Opened[]): Content[] => opened.map(({ content }) => content);

/** Views that an item's blocks are made of, itself once: of makers that differ in their number of views alone, the most has all. */
function viewsPerItem(blocks: readonly LossBlock[]): number {
  const most = new Map<string, number>();
  for (const { maker } of blocks) {
    const kind = JSON.stringify({ ...(maker.settings as object), count: undefined });
    most.set(kind, Math.max(most.get(kind) ?? 0, maker.count));
  }
  return [...most.values()].reduce((sum, count) => sum + count, 1);
}

const embeddingExtractor = (engine: GradientEngine): Promise<FeatureExtractor> =>
  FeatureExtractor.create(engine, featureSpec({}, engine.info.modality), { tensors: {}, widths: {} });
