/** What a caller may say of the examples, once and call by call. */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import type { PromptTemplate } from '../prompt/template.js';
import type { FungiSelector, Selection, SelectOptions } from '../selector/selector.js';
import { parseFilter, type Filter } from '../store/filter.js';
import type { Turn } from './chat-format.js';

/** What examples are drawn from: an open index of texts. */
export type FewShotSelector = Pick<FungiSelector, 'name' | 'modality' | 'labels' | 'select' | 'promptFrom'>;

/** Which examples, and why: what adapters take of a selector's options. */
export type ChoiceOptions = {
  readonly [K in 'k' | 'filter' | 'policy' | 'explain' | 'maxCandidates']?: SelectOptions[K] | undefined;
};

/** Why one of the chosen is there. */
export type ExplainedChoice = NonNullable<Selection['explanation']>['chosen'][number];

/** As `select` takes them. */
export const choiceOf = ({ k, filter, policy, explain, maxCandidates }: ChoiceOptions): SelectOptions =>
  defined({ k, filter, policy, explain, maxCandidates });

/** The members that are there. */
export const defined = <T extends object>(members: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as never;

/** Of one call, in place of what the options say. */
export interface FewShotCall {
  /** How many examples. @default 20 */
  readonly k?: number | undefined;
  /** Only examples that match take part. */
  readonly filter?: Filter | undefined;
  /** Which of the nearest are chosen, and how they stand in the prompt. @default the k nearest */
  readonly policy?: SelectOptions['policy'] | undefined;
  /** Whether the report says why these examples; by block too it is for the options to say. @default false */
  readonly explain?: boolean | undefined;
  /** Rows that a policy looks at. @default all */
  readonly maxCandidates?: number | undefined;
  /** For templates that write the list of labels. @default all labels of the index */
  readonly labels?: readonly string[] | undefined;
  /** Values of the template's inputs. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
  /** No examples, this time. */
  readonly skip?: boolean | undefined;
}

export interface FewShotOptions extends Omit<FewShotCall, 'skip' | 'explain'> {
  readonly selector: FewShotSelector;
  /** Whether the report says why these examples; `blocks` encodes query and examples again. @default false */
  readonly explain?: SelectOptions['explain'] | undefined;
  /**
   * How examples stand in the conversation: built-in name, path of a file, or a parsed template. Turns of a chat template go before the
   * query, its instructions join the system's; a text template takes the place of the query's text.
   *
   * @default 'turns', a user and an assistant message for each example and nothing else
   */
  readonly template?: string | PromptTemplate | undefined;
  /** What to find examples by; undefined or blank for none this time. @default the text of the last user message */
  readonly query?: ((turns: readonly Turn[]) => string | undefined | Promise<string | undefined>) | undefined;
}

/** @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds */
export function assertTexts({ name, modality }: Pick<FewShotSelector, 'name' | 'modality'>): void {
  if (modality === 'text') return;
  throw new FungiError('INVALID_ARGUMENT', `index "${name}" holds ${modality === 'image' ? 'images' : 'sounds'}`, {
    hint: 'Examples are found by a text here: open an index of texts, or call selector.prompt() with the image or sound.',
  });
}

const callSchema = z.strictObject({
  k: z.int().min(1).max(1000).optional(),
  filter: z.unknown().optional(),
  // What is none is refused by the selector, before it computes anything.
  policy: z.unknown().optional(),
  // By block it is for who runs the server to ask: it costs k encodes.
  explain: z.boolean().optional(),
  labels: z.array(z.string()).min(1).optional(),
  variables: z.record(z.string(), z.string()).optional(),
  skip: z.boolean().optional(),
});

/**
 * Options that came with a request.
 *
 * @param where they stood there, as `providerOptions.fungi`
 * @throws {FungiError} INVALID_ARGUMENT naming the member
 */
export function parseCall(value: unknown, where: string): FewShotCall {
  if (value === undefined) return {};
  const parsed = callSchema.safeParse(value);
  if (!parsed.success) {
    throw new FungiError('INVALID_ARGUMENT', `${where}: ${z.prettifyError(parsed.error)}`, {
      hint: 'It may hold k (1 to 1000), filter, policy, explain, labels, variables and skip.',
    });
  }
  const { filter, policy, ...rest } = parsed.data;
  return {
    ...rest,
    ...(filter !== undefined && { filter: parseFilter(filter) }),
    ...(policy !== undefined && { policy: policy as NonNullable<FewShotCall['policy']> }),
  };
}
