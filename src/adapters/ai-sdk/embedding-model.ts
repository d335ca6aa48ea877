/** An embedding model over an index's features, or over a plain encoder. */
import type { Embedder } from '../../selector/embedder.js';

/** Texts that are encoded together: a call may be aborted between them. */
const TEXTS_PER_CALL = 256;

/** What {@link fungiEmbeddingModel} makes: an `EmbeddingModelV3`, which `ai` 6 and 7 both take. */
export interface FungiEmbeddingModel {
  readonly specificationVersion: 'v3';
  readonly provider: 'fungi';
  readonly modelId: string;
  readonly maxEmbeddingsPerCall: number;
  readonly supportsParallelCalls: false;
  /** @throws {FungiError} INVALID_TEXT naming the value by its place; RUNTIME_FAILED */
  doEmbed(options: { readonly values: readonly string[]; readonly abortSignal?: AbortSignal }): Promise<{
    embeddings: number[][];
    warnings: { type: 'other'; message: string }[];
  }>;
}

/**
 * @param embedder an open index (its features compare by Euclidean distance), or {@link EncoderEmbedder} for plain embeddings
 * @example
 * const { embeddings } = await embedMany({ model: fungiEmbeddingModel(selector), values: texts });
 */
export function fungiEmbeddingModel(embedder: Embedder): FungiEmbeddingModel {
  return {
    specificationVersion: 'v3',
    provider: 'fungi',
    modelId: embedder.name,
    maxEmbeddingsPerCall: TEXTS_PER_CALL,
    supportsParallelCalls: false,

    async doEmbed({ values, abortSignal }) {
      abortSignal?.throwIfAborted();
      const { vectors, truncated } = await embedder.embed(values);
      const cut = truncated.filter(Boolean).length;
      const message = `${cut} of ${values.length} texts are longer than the encoder reads: their ends were not seen`;
      return {
        embeddings: vectors.map((vector) => Array.from(vector)),
        warnings: cut > 0 ? [{ type: 'other', message }] : [],
      };
    },
  };
}
