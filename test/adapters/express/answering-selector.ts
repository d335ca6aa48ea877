/** {@link FakeSelector} that answers as an index does, and LLMs that say what they are told. */
import type { CompletionRequest, LlmClient } from '../../../src/llm/client.js';
import { labelOf } from '../../../src/llm/label.js';
import { majorityVote } from '../../../src/retrieve/vote.js';
import type { AnswerOptions, SelectorAnswer } from '../../../src/selector/selector.js';
import { FakeSelector } from '../fake-selector.js';

export class AnsweringSelector extends FakeSelector {
  async answer(query: string, options: AnswerOptions = {}): Promise<SelectorAnswer> {
    const selection = await this.select(query, options);
    const vote = majorityVote(selection.examples);
    const { llm, signal } = options;
    if (llm === undefined) {
      return {
        label: vote.label,
        by: 'vote',
        answer: { kind: 'label', label: vote.label },
        vote,
        selection,
        cached: false,
      };
    }
    const prompt = await this.promptFrom(selection, options);
    const answer = labelOf(await llm.complete({ messages: prompt.messages, signal }), this.labels);
    const label = answer.kind === 'label' ? answer.label : undefined;
    return { label, by: 'llm', answer, vote, selection, prompt, cached: false };
  }

  /** @param reply what it says, or fails with */
  llm(reply: string | Error): LlmClient & { readonly asked: CompletionRequest[] } {
    const asked: CompletionRequest[] = [];
    return {
      settings: { model: 'fake' },
      asked,
      complete: (request) => {
        asked.push(request);
        if (reply instanceof Error) return Promise.reject(reply);
        return Promise.resolve({ text: reply, finishReason: 'stop', cached: false, attempts: 1 });
      },
    };
  }
}
