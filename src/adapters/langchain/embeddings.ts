/** FUNGI features, or plain embeddings, where LangChain takes `Embeddings`. */
import { Embeddings, type EmbeddingsParams } from '@langchain/core/embeddings';
import { EncoderEmbedder, type Embedder } from '../../selector/embedder.js';
import type { EncoderChoice, OpenOptions, SelectorRuntime } from '../../selector/options.js';
import { FungiSelector } from '../../selector/selector.js';

/** Index and query are encoded alike. An index's features compare by Euclidean distance; most vector stores take cosine unless told. */
export class FungiEmbeddings extends Embeddings {
  readonly embedder: Embedder;

  constructor({ embedder, ...params }: EmbeddingsParams & { readonly embedder: Embedder }) {
    super(params);
    this.embedder = embedder;
  }

  /** Features of an index. @throws {FungiError} what FungiSelector.open throws */
  static async open(options: OpenOptions): Promise<FungiEmbeddings> {
    return new FungiEmbeddings({ embedder: await FungiSelector.open(options) });
  }

  /** Embeddings of an encoder, at unit length. @throws {FungiError} what EncoderEmbedder.load throws */
  static async load(options: EncoderChoice & SelectorRuntime = {}): Promise<FungiEmbeddings> {
    return new FungiEmbeddings({ embedder: await EncoderEmbedder.load(options) });
  }

  /** @throws {FungiError} INVALID_TEXT naming the document by its place */
  async embedDocuments(documents: string[]): Promise<number[][]> {
    const { vectors } = await this.embedder.embed(documents);
    return vectors.map((vector) => Array.from(vector));
  }

  /** @throws {FungiError} INVALID_TEXT */
  async embedQuery(document: string): Promise<number[]> {
    return (await this.embedDocuments([document]))[0]!;
  }

  async close(): Promise<void> {
    await this.embedder.close();
  }
}
