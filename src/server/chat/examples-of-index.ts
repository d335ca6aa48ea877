/** Examples for a conversation, from an index by its name, whichever of its generations is the newest. */
import { withSystem } from '../../adapters/chat-format.js';
import type { FewShotCall, FewShotSelector } from '../../adapters/few-shot-options.js';
import { FewShot } from '../../adapters/few-shot.js';
import { openAiChat, type OpenAiMessage } from '../../adapters/openai-chat.js';
import type { PromptTemplate } from '../../prompt/template.js';
import type { IndexCatalogue } from '../indexes/catalogue.js';
import { policyOptions } from '../routes/selection/policy-body.js';

const DEFAULT_K = 20;

export interface ExamplesOptions {
  /** How examples stand. @default 'turns' */
  readonly template?: string | PromptTemplate | undefined;
  /** How many, where a call does not say. @default 20 */
  readonly k?: number | undefined;
}

export interface PlacedExamples {
  readonly messages: readonly OpenAiMessage[];
  /** `help-desk;generation=…` */
  readonly index: string;
  /** Ids, nearest first. */
  readonly ids: readonly string[];
  /** To be told which tools the reply calls: when their results come back, the conversation gets the same examples. */
  readonly answered: (toolCalls: readonly string[]) => void;
}

export class ExamplesOfIndex {
  /** By generation: what was kept for a tool loop is not shown any more when its index was replaced. */
  private readonly fewShots = new WeakMap<FewShotSelector, FewShot>();

  constructor(private readonly options: ExamplesOptions) {}

  /** @throws {FungiError} as {@link IndexCatalogue.use} and {@link FewShot.place} */
  place(
    catalogue: Pick<IndexCatalogue, 'use'>,
    index: string,
    messages: readonly OpenAiMessage[],
    call: FewShotCall,
    signal: AbortSignal,
  ): Promise<PlacedExamples> {
    return catalogue.use(index, async (selector) => {
      const fewShot = this.fewShots.get(selector) ?? new FewShot({ selector, ...this.options });
      this.fewShots.set(selector, fewShot);
      const { k = this.options.k ?? DEFAULT_K } = call;
      const { policy, maxCandidates } = policyOptions({ policy: call.policy }, { k, queries: 1, rows: selector.size });
      const placed = await fewShot.place(openAiChat, messages, { ...call, policy, maxCandidates }, signal);
      return {
        messages: withSystem(openAiChat, placed.messages, placed.system),
        index: `${index};generation=${selector.manifest.storeId}`,
        ids: placed.report?.examples.map(({ id }) => id) ?? [],
        answered: placed.answered,
      };
    });
  }
}
