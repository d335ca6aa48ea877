/**
 * Examples for a conversation: found by the text of its last user message, and placed before it. Every adapter of a chat API is this
 * class and a {@link ChatFormat}.
 */
import { loadTemplate } from '../prompt/load.js';
import { textsOf } from '../prompt/message.js';
import type { PromptTemplate } from '../prompt/template.js';
import type { Selection, SelectorPrompt } from '../selector/selector.js';
import { findQuery, type ChatFormat, type Turn } from './chat-format.js';
import {
  assertTexts,
  choiceOf,
  defined,
  type FewShotCall,
  type FewShotOptions,
  type FewShotSelector,
} from './few-shot-options.js';

/** Which examples a call got; plain JSON. */
export type FewShotReport = {
  /** Of the index. */
  index: string;
  /** In the prompt, nearest first. */
  examples: { id: string; label: string; rank: number; distance: number }[];
  /** Found, and left out for the template's budget. */
  dropped: number;
  /** The end of the query did not fit the encoder: the examples were found without it. */
  truncated: boolean;
  /** Why these examples, with `explain`. */
  explanation?: NonNullable<Selection['explanation']>;
  /** What other indexes added to the same call, where its adapter can tell. */
  also?: FewShotReport[];
};

/** `report`, which tells of `inner` too, where another index added examples before. */
export function withAlso(report: FewShotReport, inner: FewShotReport | undefined): FewShotReport {
  if (inner === undefined) return report;
  const { also = [], ...first } = inner;
  return { ...report, also: [first, ...also] };
}

/** A prompt, and why its examples. */
type Found = SelectorPrompt & Pick<Selection, 'explanation'>;

export interface Placement<M> {
  readonly messages: M[];
  /** The template's instructions, to be put where the API takes them. */
  readonly system: string | undefined;
  /** Undefined where nothing was added: there is no text to find examples by, they are there already, or none were wanted. */
  readonly report: FewShotReport | undefined;
  /** To be told which tools the reply calls: when their results come back, the conversation gets the same examples. */
  readonly answered: (toolCalls: readonly string[]) => void;
}

/** Tool calls whose examples are kept. */
const KEPT = 1000;

const nothingToKeep = (): void => undefined;

export class FewShot {
  /** Of what is placed: whose examples are there. A message that comes back is not given them twice. */
  private static readonly placed = new WeakMap<object, FewShotSelector>();

  private template: Promise<PromptTemplate> | undefined;
  /** Prompts of conversations that wait for a tool's result, by tool call, query and options. */
  private readonly waiting = new Map<string, Found>();

  /** @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds */
  constructor(private readonly options: FewShotOptions) {
    assertTexts(options.selector);
  }

  /**
   * @param signal ends the search for examples early
   * @throws {FungiError} INVALID_TEXT for a query that is no well-formed Unicode; INVALID_ARGUMENT, TEMPLATE_INVALID, FILE_NOT_FOUND for
   *   options that are none; RUNTIME_FAILED; ABORTED
   */
  async place<M extends object>(
    format: ChatFormat<M>,
    messages: readonly M[],
    call: FewShotCall = {},
    signal?: AbortSignal,
  ): Promise<Placement<M>> {
    const { selector } = this.options;
    const turns = messages.map((message) => format.read(message));
    const query = findQuery(turns);
    const unchanged = { messages: [...messages], system: undefined, report: undefined, answered: nothingToKeep };
    if (query === undefined || call.skip === true) return unchanged;
    if (messages.some((message) => FewShot.placed.get(message) === selector)) return unchanged;

    const { at, text } = query;
    const calls = turns.slice(at + 1).flatMap(({ toolCalls }) => toolCalls);
    // Some APIs number tool calls in each conversation anew: another one's examples may be out of what this call's filter lets it see.
    const { labels, variables } = call;
    const key = (toolCall: string): string => JSON.stringify([toolCall, text, choiceOf(call), labels, variables]);
    const known = calls.map((toolCall) => this.waiting.get(key(toolCall))).find((prompt) => prompt !== undefined);
    const prompt = known ?? (await this.prompt(turns, text, call, signal));
    if (prompt === undefined) return unchanged;

    const system = prompt.messages.filter(({ role }) => role === 'system').flatMap(textsOf);
    const before = prompt.messages.slice(system.length, -1).map((message) => {
      return this.mark(format.write(message.role === 'user' ? 'user' : 'assistant', textsOf(message).join('')));
    });
    const asked = prompt.messages.slice(-1).flatMap(textsOf).join('');
    const same = asked === text;
    const rest = same
      ? messages.slice(at)
      : [this.mark(format.withText(messages[at]!, asked)), ...messages.slice(at + 1)];
    return {
      messages: [...messages.slice(0, at), ...before, ...rest],
      system: system[0],
      report: this.report(prompt),
      answered: (toolCalls) => {
        for (const toolCall of toolCalls) if (toolCall !== '') this.keep(key(toolCall), prompt);
      },
    };
  }

  private async prompt(
    turns: readonly Turn[],
    text: string,
    call: FewShotCall,
    signal: AbortSignal | undefined,
  ): Promise<Found | undefined> {
    const { selector, query = () => text, template = 'turns' } = this.options;
    const sought = await query(turns);
    if (sought === undefined || sought.trim() === '') return undefined;
    const options = { ...this.options, ...defined(call) };
    const { labels, variables } = options;
    const found = await selector.select(sought, { ...choiceOf(options), ...defined({ signal }) });
    // An emptied index knows no labels: that is a call without examples, and no failure of the application.
    if (found.examples.length === 0 && labels === undefined && selector.labels.length === 0) return undefined;
    const parsed = await (this.template ??= this.load(template));
    const prompted = { template: parsed, ...defined({ labels, variables }) };
    const { explanation } = found;
    return { ...(await selector.promptFrom({ ...found, query: text }, prompted)), ...defined({ explanation }) };
  }

  /** Read once; again after a failure, since the file may be there by then. */
  private async load(template: string | PromptTemplate): Promise<PromptTemplate> {
    try {
      return typeof template === 'string' ? await loadTemplate(template) : template;
    } catch (error) {
      this.template = undefined;
      throw error;
    }
  }

  private mark<M extends object>(message: M): M {
    FewShot.placed.set(message, this.options.selector);
    return message;
  }

  private keep(key: string, prompt: Found): void {
    this.waiting.delete(key);
    this.waiting.set(key, prompt);
    for (const oldest of this.waiting.keys()) {
      if (this.waiting.size <= KEPT) break;
      this.waiting.delete(oldest);
    }
  }

  private report({ used, dropped, truncated, explanation }: Found): FewShotReport {
    const examples = used.map(({ id, label, rank, distance }) => ({ id, label, rank, distance }));
    return {
      index: this.options.selector.name,
      examples,
      dropped: dropped.length,
      truncated,
      ...defined({ explanation }),
    };
  }
}
