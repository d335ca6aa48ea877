/**
 * A language model's middleware: every call gets the examples nearest to its last user message. The members are written as the shapes
 * that `@ai-sdk/provider` 3 and 4 share, so that one object serves `wrapLanguageModel` of either.
 */
import type { Transformer } from 'node:stream/web';
import { withSystem } from '../chat-format.js';
import { FewShot, withAlso, type FewShotReport, type Placement } from '../few-shot.js';
import { parseCall, type FewShotCall, type FewShotOptions } from '../few-shot-options.js';
import { promptFormat, toolCallsOf, type PromptMessage } from './prompt-format.js';

/** What is read of a call's options. */
export interface CallParams {
  readonly prompt: readonly object[];
  readonly providerOptions?: Readonly<Record<string, unknown>>;
  readonly abortSignal?: AbortSignal;
}

interface Reported {
  readonly providerMetadata?: Readonly<Record<string, object>>;
}
interface Generated extends Reported {
  readonly content: readonly object[];
}
interface Streamed<Part extends object> {
  readonly stream: ReadableStream<Part>;
}

export interface FungiMiddleware {
  readonly specificationVersion: 'v3';
  /** Runs for every step of a call with tools. Examples are chosen at the first and stay the same for the others. */
  transformParams<P extends CallParams>(options: { readonly params: P }): Promise<P>;
  /** Says in `providerMetadata.fungi` which examples the call got. */
  wrapGenerate<R extends Generated>(options: {
    readonly doGenerate: () => PromiseLike<R>;
    readonly params: object;
  }): Promise<R>;
  /** Says it in the part that ends the stream. */
  wrapStream<R extends Streamed<Part>, Part extends object>(options: {
    readonly doStream: () => PromiseLike<R & Streamed<Part>>;
    readonly params: object;
  }): Promise<R>;
}

/**
 * Options of calls that a middleware has read, by the prompt that it made: they are not sent to the provider, and where a model is wrapped
 * once more they are for that middleware too.
 */
const passedOn = new WeakMap<object, FewShotCall>();

/**
 * @example
 * const model = wrapLanguageModel({ model: provider('…'), middleware: fungiMiddleware({ selector, k: 8 }) });
 * const { text, providerMetadata } = await generateText({ model, prompt: 'my library card was stolen' });
 *
 * A call's own options stand in its `providerOptions.fungi`: k, filter, policy, explain, labels, variables, skip.
 *
 * @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds; a call throws INVALID_ARGUMENT for options that are none, and
 *   INVALID_TEXT for a query that is no well-formed Unicode
 */
export function fungiMiddleware(options: FewShotOptions): FungiMiddleware {
  const fewShot = new FewShot(options);
  const placements = new WeakMap<object, Placement<PromptMessage>>();
  return {
    specificationVersion: 'v3',

    async transformParams({ params }) {
      const { fungi, ...others } = params.providerOptions ?? {};
      const call =
        fungi === undefined ? (passedOn.get(params.prompt) ?? {}) : parseCall(fungi, 'providerOptions.fungi');
      params.abortSignal?.throwIfAborted();
      const placement = await fewShot.place(promptFormat, params.prompt as readonly PromptMessage[], call);
      const prompt = withSystem(promptFormat, placement.messages, placement.system);
      const transformed = { ...params, prompt, ...(fungi !== undefined && { providerOptions: others }) };
      passedOn.set(prompt, call);
      placements.set(transformed, placement);
      return transformed;
    },

    async wrapGenerate({ doGenerate, params }) {
      const result = await doGenerate();
      const placement = placements.get(params);
      placement?.answered(toolCallsOf(result.content));
      return reported(result, placement?.report);
    },

    async wrapStream({ doStream, params }) {
      const result = await doStream();
      const placement = placements.get(params);
      if (placement?.report === undefined) return result;
      return { ...result, stream: result.stream.pipeThrough(new TransformStream(observer(placement))) };
    },
  };
}

function observer<Part extends object>({ report, answered }: Placement<PromptMessage>): Transformer<Part, Part> {
  return {
    transform(part, controller) {
      answered(toolCallsOf([part]));
      const ends = 'type' in part && part.type === 'finish';
      controller.enqueue(ends ? reported(part, report) : part);
    },
  };
}

function reported<R extends object & Reported>(result: R, report: FewShotReport | undefined): R {
  if (report === undefined) return result;
  const inner = result.providerMetadata?.['fungi'] as FewShotReport | undefined;
  return { ...result, providerMetadata: { ...result.providerMetadata, fungi: withAlso(report, inner) } };
}
