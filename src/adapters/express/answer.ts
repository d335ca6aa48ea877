import { FungiError } from '../../core/errors.js';
import { assertText } from '../../core/text.js';
import type { AnswerOptions, FungiSelector, SelectorAnswer } from '../../selector/selector.js';
import { assertTexts } from '../few-shot-options.js';
import type { FewShotReport } from '../few-shot.js';
import type { HttpRequest, Middleware } from './http.js';
import { replying } from './middleware.js';

export interface AnswerMiddlewareOptions<Request> extends Omit<AnswerOptions, 'signal' | 'media'> {
  readonly selector: Pick<FungiSelector, 'name' | 'modality' | 'answer'>;
  /** The text to be labelled. What is none is refused. */
  readonly query: (request: Request) => unknown;
}

/** The reply, as JSON. */
export interface AnswerReply extends FewShotReport {
  /** Null where the LLM's reply is none of the labels, and where the examples abstain. */
  label: string | null;
  by: SelectorAnswer['by'];
  /** What the LLM said, where that is no label. */
  reply?: string;
  /** Where a policy's confidence is too low for a vote: the label that it would have been. */
  abstained?: { readonly likeliest: string; readonly confidence: number };
  vote: SelectorAnswer['vote'];
  usage?: SelectorAnswer['usage'];
}

/**
 * Answers: finds examples, fills the template, asks the LLM and replies with the label as JSON; without an LLM the examples vote.
 *
 * @example
 * app.post('/label', express.json(), fungiAnswer({ selector, llm, query: (req) => req.body.text }));
 *
 * To the error handler: {FungiError} INVALID_TEXT, LLM_UNREACHABLE, LLM_RATE_LIMITED, LLM_FAILED, ABORTED, …; what `query` throws
 *
 * @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds
 */
export function fungiAnswer<Request extends HttpRequest = HttpRequest>({
  selector,
  query,
  ...options
}: AnswerMiddlewareOptions<Request>): Middleware<Request> {
  assertTexts(selector);
  return replying(async (request, _, signal) => {
    const sought = await query(request);
    if (sought === undefined) {
      throw new FungiError('INVALID_TEXT', 'the request has no query', {
        hint: 'The `query` of fungiAnswer gave undefined: read it from where clients put it, after a body parser if that is the body.',
      });
    }
    assertText(sought, 'query');
    return replyOf(await selector.answer(sought, { ...options, signal }), selector.name);
  });
}

function replyOf(answered: SelectorAnswer, index: string): AnswerReply {
  const { label, by, answer, vote, usage, selection, prompt } = answered;
  const shown = prompt?.used ?? selection.examples;
  return {
    label: label ?? null,
    by,
    ...(answer.kind === 'invalid' && { reply: answer.reply }),
    ...(answer.kind === 'abstained' && {
      abstained: { likeliest: answer.likeliest, confidence: answer.confidence },
    }),
    vote,
    index,
    examples: shown.map(({ id, label, rank, distance }) => ({ id, label, rank, distance })),
    dropped: prompt?.dropped.length ?? 0,
    truncated: selection.truncated,
    ...(selection.explanation && { explanation: selection.explanation }),
    ...(usage && { usage }),
  };
}
