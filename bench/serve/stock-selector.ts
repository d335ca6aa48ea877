/** What LangChain brings by itself: its semantic selector over a LanceDB table of transformers.js embeddings. */
import { connect, type Table } from '@lancedb/lancedb';
import { env, pipeline } from '@huggingface/transformers';
import { Document } from '@langchain/core/documents';
import { Embeddings } from '@langchain/core/embeddings';
import { SemanticSimilarityExampleSelector } from '@langchain/core/example_selectors';
import { VectorStore } from '@langchain/core/vectorstores';
import { basename, dirname } from 'node:path';

class TransformersEmbeddings extends Embeddings {
  private constructor(private readonly embed: (texts: string[]) => Promise<number[][]>) {
    super({});
  }

  static async load(encoder: string): Promise<TransformersEmbeddings> {
    env.allowRemoteModels = false;
    env.localModelPath = dirname(encoder);
    const extract = await pipeline('feature-extraction', basename(encoder), { dtype: 'fp32' });
    return new TransformersEmbeddings(async (texts) => {
      const output = await extract(texts, { pooling: 'mean', normalize: true });
      return output.tolist() as number[][];
    });
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    const vectors: number[][] = [];
    for (let i = 0; i < texts.length; i += 64) vectors.push(...(await this.embed(texts.slice(i, i + 64))));
    return vectors;
  }

  async embedQuery(text: string): Promise<number[]> {
    return (await this.embed([text]))[0]!;
  }
}

class LanceVectorStore extends VectorStore {
  constructor(
    embeddings: TransformersEmbeddings,
    private readonly table: Table,
  ) {
    super(embeddings, {});
  }

  _vectorstoreType(): string {
    return 'lance';
  }

  addVectors(): Promise<void> {
    return Promise.reject(new Error('rows are there already'));
  }

  addDocuments(): Promise<void> {
    return Promise.reject(new Error('rows are there already'));
  }

  async similaritySearchVectorWithScore(query: number[], k: number): Promise<[Document, number][]> {
    const rows = (await this.table.search(query).limit(k).toArray()) as {
      text: string;
      label: string;
      _distance: number;
    }[];
    return rows.map(({ text, label, _distance }) => [
      new Document({ pageContent: text, metadata: { text, label } }),
      _distance,
    ]);
  }
}

export async function stockSelector(
  encoder: string,
  folder: string,
  examples: readonly { readonly input: string; readonly label: string }[],
  k: number,
): Promise<SemanticSimilarityExampleSelector> {
  const embeddings = await TransformersEmbeddings.load(encoder);
  const vectors = await embeddings.embedDocuments(examples.map(({ input }) => input));
  const rows = examples.map(({ input, label }, i) => ({ text: input, label, vector: vectors[i]! }));
  const table = await (await connect(folder)).createTable('examples', rows);
  return new SemanticSimilarityExampleSelector({
    vectorStore: new LanceVectorStore(embeddings, table),
    k,
    inputKeys: ['text'],
  });
}
