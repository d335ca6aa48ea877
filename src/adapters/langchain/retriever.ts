/** Examples of a FUNGI index as documents, where LangChain takes a retriever. */
import { Document } from '@langchain/core/documents';
import { BaseRetriever, type BaseRetrieverInput } from '@langchain/core/retrievers';
import type { FungiSelector, SelectOptions } from '../../selector/selector.js';

export interface FungiRetrieverFields extends BaseRetrieverInput, SelectOptions {
  readonly selector: Pick<FungiSelector, 'select'>;
}

/** Documents hold the text; in their metadata are the row's own, and its label, id, rank and distance under `fungi`. */
export class FungiRetriever extends BaseRetriever {
  override lc_namespace = ['fungi_icl', 'retrievers'];
  private readonly selector: FungiRetrieverFields['selector'];
  private readonly options: SelectOptions;

  constructor({ selector, k, filter, ...input }: FungiRetrieverFields) {
    super(input);
    this.selector = selector;
    this.options = { ...(k !== undefined && { k }), ...(filter !== undefined && { filter }) };
  }

  static override lc_name(): string {
    return 'FungiRetriever';
  }

  /** @throws {FungiError} INVALID_TEXT, INVALID_ARGUMENT */
  override async _getRelevantDocuments(query: string): Promise<Document[]> {
    const { examples } = await this.selector.select(query, this.options);
    return examples.map(({ id, input, label, metadata, rank, distance }) => {
      return new Document({ id, pageContent: input, metadata: { ...metadata, fungi: { id, label, rank, distance } } });
    });
  }
}
