/** What requests to an LLM cost, and caps on it that hold whatever is under way. */
import { FungiError } from '../../core/errors.js';
import type { Modality } from '../../core/item.js';
import { aborted } from '../../llm/abort.js';
import type { CompletionRequest, TokenUsage } from '../../llm/client.js';
import type { RequestGate, RequestOutcome } from '../../llm/gate.js';
import { mediaOf } from '../../prompt/message.js';
import { mostPromptTokens } from './tokens.js';

/** Per million tokens, in any currency. */
export interface Prices {
  readonly input: number;
  readonly output: number;
}

/** Of one run: what was paid for before and is kept counts for nothing. */
export interface Caps {
  /** Requests sent, those that are tried again included. */
  readonly maxCalls?: number | undefined;
  /** In the currency of the prices. */
  readonly maxCost?: number | undefined;
}

export interface SpendingOptions extends Caps {
  readonly prices?: Prices | undefined;
  /** The most tokens that a reply may have. */
  readonly maxTokens?: number | undefined;
  /** The most tokens that one image or sound of a prompt is counted as. */
  readonly mediaTokens?: number | undefined;
}

export const costOf = ({ promptTokens, completionTokens }: TokenUsage, { input, output }: Prices): number =>
  (promptTokens * input + completionTokens * output) / 1e6;

/**
 * Counts requests and what they cost, and sends none that could break a cap: before each, what was used so far, the most that those under
 * way can cost and the most that this one can cost must stay within it. Where it would not fit, but might once those under way have told
 * their cost, the request waits. A request that the endpoint answered with an error costs nothing; one without an answer, or whose cost
 * is not told, counts with the most.
 */
export class Spending implements RequestGate {
  /** Requests sent. */
  requests = 0;
  /** Those of them that got no answer: they may have been billed. */
  lost = 0;
  /** What was used, for the cap: the most where the endpoint does not tell. */
  private charged = 0;
  private readonly underWay = new Map<CompletionRequest, number>();
  private waiting: (() => void)[] = [];

  /** @throws {FungiError} INVALID_ARGUMENT for a cap on the cost without prices, or of replies without end */
  constructor(private readonly options: SpendingOptions = {}) {
    const { maxCost, prices, maxTokens } = options;
    if (maxCost === undefined) return;
    if (prices === undefined) {
      throw new FungiError('INVALID_ARGUMENT', 'a cap on the cost needs prices', {
        hint: 'Give the prices of a million tokens: --price-input and --price-output.',
      });
    }
    if (maxTokens === undefined) {
      throw new FungiError('INVALID_ARGUMENT', 'a cap on the cost needs a limit to the length of a reply', {
        hint: 'Give the most tokens that a reply may have: --max-tokens.',
      });
    }
  }

  /**
   * Asked of the data before the work; {@link enter} refuses such a request too.
   *
   * @throws {FungiError} INVALID_ARGUMENT for a cap on the cost of images or sounds, where nobody said how many tokens one is
   */
  assertCounts(modality: Modality): void {
    const { maxCost, mediaTokens } = this.options;
    if (modality === 'text' || maxCost === undefined || mediaTokens !== undefined) return;
    throw new FungiError('INVALID_ARGUMENT', 'a cap on the cost needs to know what an image or a sound is in tokens', {
      hint: 'Give the most that the LLM makes of one, which its documentation says: --media-tokens.',
    });
  }

  /** @throws {FungiError} BUDGET_REACHED when a cap is reached; ABORTED */
  async enter(request: CompletionRequest): Promise<void> {
    const { maxCalls = Infinity, maxCost = Infinity } = this.options;
    const most = this.mostCost(request);
    for (;;) {
      if (request.signal?.aborted) throw aborted();
      if (this.requests >= maxCalls) throw capReached('max-calls', `the cap of ${maxCalls} calls`);
      if (this.charged + this.reserved() + most <= maxCost) break;
      if (this.underWay.size === 0) {
        const next = `${money(this.charged)} are used, and the next call may cost ${money(most)}`;
        throw capReached('max-cost', `the cap of ${maxCost} on the cost`, next);
      }
      await new Promise<void>((wake) => this.waiting.push(wake));
    }
    this.requests++;
    this.underWay.set(request, most);
  }

  leave(outcome: RequestOutcome): void {
    const most = this.underWay.get(outcome.request) ?? 0;
    this.underWay.delete(outcome.request);
    if (outcome.kind === 'lost') this.lost++;
    if (outcome.kind === 'reply' && outcome.usage && this.options.prices) {
      this.charged += costOf(outcome.usage, this.options.prices);
    } else if (outcome.kind !== 'refused') this.charged += most;
    for (const wake of this.waiting.splice(0)) wake();
  }

  private reserved(): number {
    return [...this.underWay.values()].reduce((sum, most) => sum + most, 0);
  }

  /** 0 where it is not known, and no cap asks for it. */
  private mostCost({ messages, maxTokens = this.options.maxTokens }: CompletionRequest): number {
    const { prices, mediaTokens } = this.options;
    if (prices === undefined || maxTokens === undefined) return 0;
    if (messages.some((message) => mediaOf(message).length > 0)) this.assertCounts('image');
    return costOf({ promptTokens: mostPromptTokens(messages, mediaTokens), completionTokens: maxTokens }, prices);
  }
}

function capReached(cap: 'max-calls' | 'max-cost', name: string, detail?: string): FungiError {
  return new FungiError('BUDGET_REACHED', `${name} is reached${detail === undefined ? '' : `: ${detail}`}`, {
    hint: 'Replies are kept: the same command goes on from them, with the same cap anew or with a higher one.',
    details: { cap },
  });
}

/** Three digits of an amount, however small, without an exponent. */
export function amountText(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(value)));
  return value.toFixed(Math.min(digits, 12));
}

/** Four digits of an amount, however small. */
const money = (amount: number): string => String(Number(amount.toPrecision(4)));
