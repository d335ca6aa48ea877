/** Items as the vectors that an index compares: computed in this process, or in a server by another one. */
import { FungiError } from '../core/errors.js';
import type { Item, Modality } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine } from '../engine/engine.js';
import type { FeatureExtractor, Features } from '../features/extractor.js';
import type { Block } from '../features/layout.js';
import { windows } from '../features/windows.js';
import { beside } from '../runtime/row-matrix.js';
import type { Reducer } from '../reduce/reducer.js';

export interface FeaturizeOptions {
  /** Told of each window of items. */
  readonly onProgress?: OnProgress | undefined;
  /** What progress calls the work: `queries`, `items`, `blocks`; `features` of examples to be stored, which may wait for queries. */
  readonly stage: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Featurized {
  /** Reduced features [n,P], or what they are made of. */
  readonly vectors: Float32Array;
  /** Items whose end did not fit the encoder, [n]. */
  readonly truncated: readonly boolean[];
}

export interface Featurizer {
  readonly modality: Modality;
  /** P, the length of a vector. */
  readonly dims: number;
  /** Of a feature before reduction: Bk of them, F columns together. */
  readonly blocks: readonly Block[];
  /**
   * @param items well-formed texts, or where media lie
   * @throws {FungiError} INVALID_TEXT, INVALID_MEDIA, FILE_NOT_FOUND naming the item; RUNTIME_FAILED; ABORTED
   */
  featurize(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized>;
  /**
   * In place of vectors what they are made of, [n,F+Bk·P]: of each item the feature before reduction, then what each block adds to the
   * reduced one.
   *
   * @throws {FungiError} as {@link featurize}
   */
  featurizeByBlock(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized>;
  close(): Promise<void>;
}

/** Engine, extractor and reducer of one index, in this process: its event loop stands still while they compute. */
export class LocalFeaturizer implements Featurizer {
  constructor(
    readonly engine: GradientEngine,
    readonly extractor: FeatureExtractor,
    readonly reducer: Reducer,
  ) {}

  get modality(): Modality {
    return this.engine.info.modality;
  }

  get dims(): number {
    return this.reducer.dims;
  }

  get blocks(): readonly Block[] {
    return this.extractor.layout.blocks;
  }

  featurize(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized> {
    return this.inWindows(items, options, this.dims, ({ rows }) => this.reducer.transform(rows));
  }

  featurizeByBlock(items: readonly Item[], options: FeaturizeOptions): Promise<Featurized> {
    const { layout } = this.extractor;
    const size = this.blocks.length * this.dims;
    return this.inWindows(items, options, layout.width + size, async ({ rows }) =>
      beside(rows, layout.width, await this.reducer.parts(rows, this.blocks), size),
    );
  }

  /** @param made of the features of a window: `width` values an item */
  private async inWindows(
    items: readonly Item[],
    { onProgress, stage, signal }: FeaturizeOptions,
    width: number,
    made: (features: Features) => Promise<Float32Array>,
  ): Promise<Featurized> {
    const { extractor } = this;
    const vectors = new Float32Array(items.length * width);
    const truncated: boolean[] = [];
    for (const { start, end } of windows(items, extractor.viewsPerItem, extractor.window)) {
      if (signal?.aborted) throw abortedBy(signal);
      const features = await extractor.extract(items.slice(start, end), (progress) => {
        const done = start + Math.floor(((end - start) * progress.done) / progress.total);
        onProgress?.({ stage, done, total: items.length, unit: 'rows' });
      });
      vectors.set(await made(features), start * width);
      truncated.push(...features.truncated);
    }
    return { vectors, truncated };
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** What a signal says of why the work has to end, or that it was aborted. */
export function abortedBy({ reason }: AbortSignal): FungiError {
  if (FungiError.is(reason)) return reason;
  return new FungiError('ABORTED', 'the selection was aborted', { cause: reason });
}
