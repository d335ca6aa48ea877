/** Examples of a FUNGI index as documents, where LangChain takes a retriever. */
import { Document } from '@langchain/core/documents';
import { BaseRetriever, type BaseRetrieverInput } from '@langchain/core/retrievers';
import type { FungiSelector, SelectOptions } from '../../selector/selector.js';
import { choiceOf, type ChoiceOptions } from '../few-shot-options.js';

export interface FungiRetrieverFields extends BaseRetrieverInput, ChoiceOptions {
  readonly selector: Pick<FungiSelector, 'select'>;
}

/** Documents hold the text; in their metadata are the row's own, and its label, id, rank and distance under `fungi`; with `explain` why it is there, too. */
export class FungiRetriever extends BaseRetriever {
  override lc_namespace = ['fungi_icl', 'retrievers'];
  private readonly selector: FungiRetrieverFields['selector'];
  private readonly options: SelectOptions;

  constructor({ selector, k, filter, policy, explain, maxCandidates, ...input }: FungiRetrieverFields) {
    super(input);
    this.selector = selector;
    this.options = choiceOf({ k, filter, policy, explain, maxCandidates });
  }

  static override lc_name(): string {
    return 'FungiRetriever';
  }

  /** @throws {FungiError} INVALID_TEXT, INVALID_ARGUMENT */
  override async _getRelevantDocuments(query: string): Promise<Document[]> {
    const { examples, explanation } = await this.selector.select(query, this.options);
    return examples.map(({ id, input, label, metadata, rank, distance }, i) => {
      const fungi = { id, label, rank, distance, ...explanation?.chosen[i] };
      return new Document({ id, pageContent: input, metadata: { ...metadata, fungi } });
    });
  }
}
