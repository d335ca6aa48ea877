/** What is asked of a selector, and what it gives. */
import type { Example, Item } from '../core/item.js';
import type { LlmClient, TokenUsage } from '../llm/client.js';
import type { Answer } from '../llm/tally.js';
import type { SelectionExplanation } from '../policies/explanation.js';
import type { PolicyOptions } from '../policies/options.js';
import type { ExampleOrder } from '../policies/order.js';
import type { Posterior } from '../policies/posterior.js';
import type { Budget, Packing, TokenCounter } from '../prompt/budget.js';
import type { ImageDetail } from '../prompt/message.js';
import type { PromptTemplate, RenderedPrompt } from '../prompt/template.js';
import type { Vote } from '../retrieve/vote.js';
import type { Filter } from '../store/filter.js';
import type { UpsertCounts } from '../store/store.js';

/** An example that votes on the label of a query. */
export interface Voter {
  readonly id: string;
  readonly label: string;
  /** In the space of the vote. */
  readonly distance: number;
}

/** A chosen example. */
export interface SelectedExample extends Example {
  /** 1 is the nearest, or the first in the joined order of a hybrid policy. */
  readonly rank: number;
  /** Euclidean (or 1 − cosine) in the reduced feature space that examples are chosen in. */
  readonly distance: number;
}

export interface Selection {
  readonly query: Item;
  /** By rank, nearest first; fewer than k when index, filter or policy leave fewer, none when they leave none. */
  readonly examples: readonly SelectedExample[];
  /**
   * Who votes, nearest first, where that is not for the examples to do: in an index by a blend whose shares of choice and vote differ,
   * those who would have been chosen by the share of the vote; in one that chose for itself, as many as it chose.
   */
  readonly voters?: readonly Voter[];
  /** The end of the query did not fit the encoder. */
  readonly truncated: boolean;
  /** [P] The query's feature as examples have it stored, where it was asked for. */
  readonly vector?: Float32Array;
  /** What the neighbours say of the query's label, where the policy asks or the selection is explained. */
  readonly posterior?: Posterior;
  /** Whether confidence is below the policy's `abstain.below`; absent where it has none. */
  readonly abstains?: boolean;
  /** What the policy says of a prompt made of this selection. */
  readonly inPrompt?: PromptRules;
  /** Where it was asked for. */
  readonly explanation?: SelectionExplanation;
}

/** Of a policy, what concerns prompts. */
export interface PromptRules {
  readonly order?: ExampleOrder;
  readonly packing: Packing;
  /** Labels whose nearest example is given up after all others. */
  readonly minLabels: number;
  /** Probability that the list of labels may leave out. */
  readonly alpha?: number;
}

export interface SelectOptions {
  /** @default 20 */
  readonly k?: number;
  /** Only examples that match take part. */
  readonly filter?: Filter;
  /** Which of the nearest are chosen, and how they stand in a prompt. @default the k nearest */
  readonly policy?: PolicyOptions;
  /**
   * Whether a selection says why its examples were chosen; `blocks` says of each, too, what each block of the features has to do with its
   * distance. For that query and chosen examples are encoded again, k + 1 items a query.
   *
   * @default false
   */
  readonly explain?: boolean | 'blocks';
  /** Rows that a policy looks at for a query, whatever its rules would need: where more would be, it chooses among these. @default all rows */
  readonly maxCandidates?: number;
  /** Ends the work early, where it can be ended: ABORTED. */
  readonly signal?: AbortSignal | undefined;
  /** Whether a selection holds the query's feature. @default false */
  readonly includeVector?: boolean;
}

/** How images and sounds stand in a prompt. */
export interface MediaOptions {
  /** Longest side of an image, pixels. @default 512 */
  readonly imageSide?: number;
  /** Told to the endpoint with each image. @default what it does by itself */
  readonly imageDetail?: ImageDetail;
  /** Metadata key of an example under which the https address of its image stands: it is sent in place of the image. The query's is sent whole. */
  readonly urlKey?: string;
  /** Budget of all media of a prompt as sent, base64 included. @default the template's, else 10 MB */
  readonly maxBytes?: number;
}

export interface PromptOptions extends SelectOptions {
  /** Built-in name, path of a file, or a parsed template. @default 'classify-chat' */
  readonly template?: string | PromptTemplate;
  /** The closed list to choose from. @default all labels of the index */
  readonly labels?: readonly string[];
  readonly variables?: Readonly<Record<string, string>>;
  /** Replaces the template's own budget. */
  readonly budget?: Budget;
  /** Tokens of one message's text, by the LLM's tokenizer. @default an estimate: four ASCII characters a token, one any other */
  readonly countTokens?: TokenCounter;
  /** Only where the index holds images or sounds. */
  readonly media?: MediaOptions;
}

export interface SelectorPrompt extends RenderedPrompt<SelectedExample> {
  /** The end of the query did not fit the encoder: the examples were chosen without it. The prompt holds the whole query. */
  readonly truncated: boolean;
}

export interface AnswerOptions extends PromptOptions {
  /** Without one, the label is the majority vote of the examples (or of the selection's voters); by a policy that abstains, the most likely one. */
  readonly llm?: LlmClient | undefined;
}

/** What adding examples did. */
export interface AddCounts extends UpsertCounts {
  /** Examples whose end did not fit the encoder: their features are those of their beginnings. */
  readonly truncated: number;
}

/** What was answered, by whom, and from which examples. */
export interface SelectorAnswer {
  /** Undefined when the reply was none of the labels, and when the examples abstain. */
  readonly label: string | undefined;
  /** Who answered. */
  readonly by: 'llm' | 'vote';
  readonly answer: Exclude<Answer, { kind: 'failed' }>;
  readonly vote: Vote;
  readonly selection: Selection;
  readonly usage?: TokenUsage | undefined;
  /** What the LLM was shown; absent where the examples voted. */
  readonly prompt?: Pick<SelectorPrompt, 'size' | 'used' | 'dropped'> | undefined;
  readonly cached: boolean;
}
