/** Items as vectors, without an index: the encoder's plain embeddings. An open index gives its own: FungiSelector.embed. */
import type { Item, Modality } from '../core/item.js';
import { assertText } from '../core/text.js';
import type { GradientEngine } from '../engine/engine.js';
import { FeatureExtractor } from '../features/extractor.js';
import { featureSpec } from '../features/spec.js';
import { windows } from '../features/windows.js';
import { abortedBy } from './featurizer.js';
import { loadEngine } from './load-engine.js';
import type { EncoderChoice, SelectorRuntime } from './options.js';

export interface EmbeddedItems {
  /** One vector an item, [n][dims], each a copy of its own. */
  readonly vectors: readonly Float32Array[];
  /** Items whose end did not fit the encoder. */
  readonly truncated: readonly boolean[];
}

export interface EmbedOptions {
  /** Ends the work early, where it can be ended: ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** What turns items into vectors that compare with each other. */
export interface Embedder {
  /** Of the encoder, or of the index: vectors of two names do not compare. */
  readonly name: string;
  /** What the items are: texts, or media, which may lie in files. */
  readonly modality: Modality;
  /** Length of a vector. */
  readonly dims: number;
  /** @throws {FungiError} INVALID_TEXT naming the item by its place; INVALID_MEDIA, FILE_NOT_FOUND; RUNTIME_FAILED */
  embed(items: readonly Item[], options?: EmbedOptions): Promise<EmbeddedItems>;
  close(): Promise<void>;
}

/** f(x) of an encoder at unit length, [n,D]: what a FUNGI feature is compared with. */
export class EncoderEmbedder implements Embedder {
  private constructor(
    readonly name: string,
    /** Longest item, tokens. */
    readonly maxTokens: number,
    private readonly engine: GradientEngine,
    private readonly extractor: FeatureExtractor,
  ) {}

  /** @throws {FungiError} MODEL_NOT_FOUND, DOWNLOAD_FAILED, MODEL_CORRUPT, MODEL_UNSUPPORTED, TOKENIZER_INVALID, … */
  static async load(options: EncoderChoice & SelectorRuntime = {}): Promise<EncoderEmbedder> {
    const { engine, encoder } = await loadEngine(options);
    try {
      const spec = featureSpec({ losses: [] }, engine.info.modality);
      const extractor = await FeatureExtractor.create(engine, spec, { tensors: {}, widths: {} });
      return new EncoderEmbedder(encoder.id, encoder.maxTokens, engine, extractor);
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  get modality(): Modality {
    return this.engine.info.modality;
  }

  get dims(): number {
    return this.extractor.layout.width;
  }

  async embed(items: readonly Item[], { signal }: EmbedOptions = {}): Promise<EmbeddedItems> {
    assertItems(items);
    const vectors: Float32Array[] = [];
    const truncated: boolean[] = [];
    for (const { start, end } of windows(items, this.extractor.viewsPerItem, this.engine.info)) {
      if (signal?.aborted) throw abortedBy(signal);
      const features = await this.extractor.extract(items.slice(start, end));
      vectors.push(...rowsOf(features.rows, this.dims));
      truncated.push(...features.truncated);
    }
    return { vectors, truncated };
  }

  async close(): Promise<void> {
    await this.engine.close();
  }
}

/** @throws {FungiError} INVALID_TEXT naming the item by its place */
export function assertItems(items: readonly Item[]): void {
  items.forEach((item, i) => {
    assertText(item, items.length === 1 ? 'item' : `item ${i}`);
  });
}

/** Rows of a matrix [n,dims], copied. */
export function rowsOf(matrix: Float32Array, dims: number): Float32Array[] {
  return Array.from({ length: matrix.length / dims }, (_, i) => matrix.slice(i * dims, (i + 1) * dims));
}
