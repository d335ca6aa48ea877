/** An index in place of whose features stands the number of words that a text shares with the query: no model, and the real templates. */
import type { Example } from '../../src/core/item.js';
import { loadTemplate } from '../../src/prompt/load.js';
import type { PromptTemplate } from '../../src/prompt/template.js';
import type { FewShotSelector } from '../../src/adapters/few-shot-options.js';
import type { PromptOptions, Selection, SelectOptions, SelectorPrompt } from '../../src/selector/selector.js';
import { matches } from '../../src/store/filter.js';

export class FakeSelector implements FewShotSelector {
  readonly name: string = 'fake';
  readonly modality: 'text' | 'image' | 'audio' = 'text';
  /** Queries that were selected for, in order. */
  readonly queries: string[] = [];

  constructor(readonly examples: Example[]) {}

  get labels(): string[] {
    return [...new Set(this.examples.map(({ label }) => label))];
  }

  select(query: string, { k = 20, filter = {} }: SelectOptions = {}): Promise<Selection> {
    this.queries.push(query);
    const near = this.examples
      .filter((example) => matches(filter, example))
      .map((example) => ({ ...example, distance: distance(example.input, query) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, k);
    return Promise.resolve({
      query,
      examples: near.map((example, i) => ({ ...example, rank: i + 1 })),
      truncated: query.length > 100,
    });
  }

  async promptFrom(
    { query, examples, truncated }: Selection,
    { template, labels, variables }: PromptOptions = {},
  ): Promise<SelectorPrompt> {
    const parsed = await parsedOf(template);
    return { ...parsed.render({ query, examples, labels: labels ?? this.labels, variables }), truncated };
  }
}

const parsedOf = async (template: string | PromptTemplate = 'classify-chat'): Promise<PromptTemplate> =>
  typeof template === 'string' ? loadTemplate(template) : template;

function distance(text: string, query: string): number {
  const words = new Set(text.split(' '));
  return 1 / (1 + query.split(' ').filter((word) => words.has(word)).length);
}

export const example = (id: string, input: string, label: string, metadata: Example['metadata'] = {}): Example => ({
  id,
  input,
  label,
  metadata,
});

export const LIBRARY = (): Example[] => [
  example('lost', 'my card was stolen', 'lost_card'),
  example('late', 'the book is late', 'overdue'),
  example('room', 'can i book a room', 'rooms', { year: 2020 }),
];
