/** Features of a source, computed by a pool of model processes. */
import { setMaxListeners } from 'node:events';
import type { Item, Modality } from '../core/item.js';
import type { EmbeddedItems, Embedder, EmbedOptions } from '../selector/embedder.js';
import { abortedBy, type Featurized, type Featurizer, type FeaturizeOptions } from '../selector/featurizer.js';
import type { Block } from '../features/layout.js';
import type { FeatureCache } from './feature-cache.js';
import type { FeatureSource } from './messages.js';
import { outputOf, type ItemFeature, type ModelPool, type OpenSource } from './model-pool.js';
import type { WorkClass } from './work-queue.js';

export class PooledFeaturizer implements Featurizer {
  private constructor(
    private readonly pool: ModelPool,
    private readonly cache: FeatureCache,
    private readonly open: OpenSource,
  ) {}

  /** @throws {FungiError} what opening the source throws; WORKER_FAILED */
  static async open(pool: ModelPool, cache: FeatureCache, source: FeatureSource): Promise<PooledFeaturizer> {
    return new PooledFeaturizer(pool, cache, await pool.open(source));
  }

  get modality(): Modality {
    return this.open.info.modality;
  }

  get dims(): number {
    return this.open.info.dims;
  }

  get blocks(): readonly Block[] {
    return this.open.info.blocks;
  }

  /** @throws {FungiError} OVERLOADED, ITEM_QUARANTINED, WORKER_FAILED, ABORTED or the signal's reason; what computing throws */
  featurize(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized> {
    return this.joined(items, options, this.open, this.dims);
  }

  /** @throws {FungiError} as {@link featurize} */
  featurizeByBlock(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized> {
    const width = this.blocks.reduce((sum, block) => sum + block.width + this.dims, 0);
    return this.joined(items, options, { ...this.open, byBlock: true }, width);
  }

  /** @param width of what `open` gives of an item */
  private async joined(
    items: readonly Item[],
    { stage, signal, onProgress }: FeaturizeOptions,
    open: OpenSource,
    width: number,
  ): Promise<Featurized> {
    let done = 0;
    const onDone = (): void => onProgress?.({ stage, done: ++done, total: items.length, unit: 'rows' });
    const features = await this.all(items, stage === 'features' ? 'bulk' : 'query', signal, { open, onDone });
    const vectors = new Float32Array(items.length * width);
    features.forEach(({ vector }, i) => {
      vectors.set(vector, i * width);
    });
    return { vectors, truncated: features.map(({ truncated }) => truncated) };
  }

  /** Each item's feature; as soon as one fails, the others are given up. */
  async all(
    items: readonly Item[],
    kind: WorkClass,
    signal: AbortSignal | undefined,
    { open = this.open, onDone }: { readonly open?: OpenSource; readonly onDone?: () => void } = {},
  ): Promise<ItemFeature[]> {
    const others = new AbortController();
    const either = signal === undefined ? others.signal : AbortSignal.any([signal, others.signal]);
    setMaxListeners(0, either); // one an item, and gone with it
    const one = async (item: Item): Promise<ItemFeature> => {
      const compute = (given: AbortSignal): Promise<ItemFeature> => this.pool.featurize(open, item, kind, given);
      // Examples to be stored come once: kept, they would drive out what queries ask for again.
      const feature =
        kind === 'bulk' ? await compute(either) : await this.cache.get(outputOf(open), item, either, compute);
      onDone?.();
      return feature;
    };
    try {
      return await Promise.all(items.map(one));
    } catch (error) {
      others.abort();
      throw signal?.aborted ? abortedBy(signal) : error;
    }
  }

  async close(): Promise<void> {
    await this.pool.closeSource(this.open.source.key);
  }
}

/** Plain embeddings of an encoder, computed by a pool. */
export class PooledEmbedder implements Embedder {
  private constructor(
    readonly name: string,
    private readonly featurizer: PooledFeaturizer,
  ) {}

  /** @throws {FungiError} what loading the encoder throws; WORKER_FAILED */
  static async open(
    name: string,
    pool: ModelPool,
    cache: FeatureCache,
    source: Extract<FeatureSource, { kind: 'encoder' }>,
  ): Promise<PooledEmbedder> {
    return new PooledEmbedder(name, await PooledFeaturizer.open(pool, cache, source));
  }

  get modality(): Modality {
    return this.featurizer.modality;
  }

  get dims(): number {
    return this.featurizer.dims;
  }

  async embed(items: readonly Item[], { signal }: EmbedOptions = {}): Promise<EmbeddedItems> {
    const features = await this.featurizer.all(items, 'query', signal);
    return {
      vectors: features.map(({ vector }) => vector.slice()),
      truncated: features.map(({ truncated }) => truncated),
    };
  }

  close(): Promise<void> {
    return this.featurizer.close();
  }
}
