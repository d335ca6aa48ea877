/** What a comparison would ask and cost, before anybody is asked. */
import { mean } from 'simple-statistics';
import { FungiError } from '../../core/errors.js';
import { approximateTokens, type MediaSize } from '../../prompt/budget.js';
import { callsOf, type PromptPlan } from './prompt-plan.js';
import { costOf, type Prices } from './spending.js';
import { ESTIMATE_RANGE } from './tokens.js';

/** An estimate, and where prompts measured so far lay. */
export interface Estimate {
  readonly estimate: number;
  readonly low: number;
  readonly high: number;
}

export interface DryRun {
  /** Prompts of all selectors, queries and seeds. */
  readonly prompts: number;
  /** Those that differ. */
  readonly distinct: number;
  /** Those for which the template's budget has no room: they get no call. */
  readonly unmade: number;
  /** Replies that are kept already. */
  readonly kept: number;
  /** Calls that are needed, less those tried again. */
  readonly calls: number;
  /** Tokens of the prompts to be sent. Images and sounds are in them where it was said what one counts as. */
  readonly promptTokens: Estimate;
  /** Images and sounds of the prompts to be sent; null where there are none. */
  readonly media:
    (MediaSize & { /** What one counts as; null: they are in no figure. */ readonly tokens: number | null }) | null;
  /** Tokens of the replies, were each a label of the list. */
  readonly completionTokens: Estimate;
  /** Null without prices. */
  readonly cost: Estimate | null;
  /** What the calls can cost at the very most, none tried again; null without prices or a limit to the length of a reply, and where images or sounds are not counted. */
  readonly mostCost: number | null;
}

export interface DryRunOptions {
  readonly labels: readonly string[];
  readonly prices?: Prices | undefined;
  /** The most tokens that a reply may have. */
  readonly maxTokens?: number | undefined;
  /** What one image or sound counts as, in tokens. */
  readonly mediaTokens?: number | undefined;
}

export function dryRun(plan: PromptPlan, { labels, prices, maxTokens, mediaTokens }: DryRunOptions): DryRun {
  const calls = callsOf(plan).map((place) => plan.prompts[place]!);
  const places = plan.places.flat();
  const unmade = places.filter((place) => FungiError.is(place)).length;
  const promptTokens = calls.reduce((sum, { size }) => sum + size.tokens, 0);
  // A reply ends with a token of its own.
  const reply = mean(labels.map((label) => approximateTokens(label) + 1));
  const range = (tokens: number, certain = 0): Estimate => ({
    estimate: Math.round(tokens) + certain,
    low: Math.floor(tokens * ESTIMATE_RANGE.low) + certain,
    high: Math.ceil(tokens * ESTIMATE_RANGE.high) + certain,
  });
  const stated = calls.reduce((sum, call) => sum + call.mediaTokens, 0);
  const [input, output] = [range(promptTokens, stated), range(reply * calls.length)];
  const costAt = (part: keyof Estimate): number =>
    costOf({ promptTokens: input[part], completionTokens: output[part] }, prices!);
  const media = {
    parts: calls.reduce((sum, { size }) => sum + (size.media?.parts ?? 0), 0),
    bytes: calls.reduce((sum, { size }) => sum + (size.media?.bytes ?? 0), 0),
    tokens: mediaTokens ?? null,
  };
  const isCounted = media.parts === 0 || mediaTokens !== undefined;
  const most = calls.reduce((sum, { mostTokens }) => sum + mostTokens, 0);
  return {
    prompts: places.length - unmade,
    distinct: plan.prompts.length,
    unmade,
    kept: plan.prompts.length - calls.length,
    calls: calls.length,
    promptTokens: input,
    completionTokens: output,
    media: media.parts === 0 ? null : media,
    cost: prices ? { estimate: costAt('estimate'), low: costAt('low'), high: costAt('high') } : null,
    mostCost:
      prices && maxTokens !== undefined && isCounted
        ? costOf({ promptTokens: most, completionTokens: maxTokens * calls.length }, prices)
        : null,
  };
}
