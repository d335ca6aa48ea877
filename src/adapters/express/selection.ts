import { assertText } from '../../core/text.js';
import type { FungiSelector, PromptOptions } from '../../selector/selector.js';
import { assertTexts } from '../few-shot-options.js';
import type { HttpRequest, Middleware } from './http.js';
import { passing } from './middleware.js';

export interface SelectionMiddlewareOptions<Request> extends Omit<PromptOptions, 'signal' | 'media'> {
  readonly selector: Pick<FungiSelector, 'name' | 'modality' | 'select' | 'promptFrom'>;
  /** What to find examples by. Blank or undefined: none this time, and `req.fungi` stays unset. What is no text is refused. */
  readonly query: (request: Request) => unknown;
}

/**
 * Sets `req.fungi`: the examples nearest to a query, and the prompt that they fill.
 *
 * @example
 * app.get('/ask', fungiSelection({ selector, query: (req) => String(req.query.q ?? '') }), (req, res) => res.json(req.fungi?.selection));
 *
 * To the error handler: {FungiError} INVALID_TEXT, TEMPLATE_INVALID, INVALID_ARGUMENT, ABORTED, …; what `query` throws
 *
 * @throws {FungiError} INVALID_ARGUMENT for an index of images or sounds
 */
export function fungiSelection<Request extends HttpRequest = HttpRequest>({
  selector,
  query,
  ...options
}: SelectionMiddlewareOptions<Request>): Middleware<Request> {
  assertTexts(selector);
  return passing(async (request, _, signal) => {
    const sought = await query(request);
    if (sought === undefined || (typeof sought === 'string' && sought.trim() === '')) return;
    assertText(sought, 'query');
    const selection = await selector.select(sought, { ...options, signal });
    const prompt = await selector.promptFrom(selection, options);
    const examples = prompt.used.map(({ id, label, rank, distance }) => ({ id, label, rank, distance }));
    const { truncated } = selection;
    request.fungi = {
      index: selector.name,
      examples,
      dropped: prompt.dropped.length,
      truncated,
      ...(selection.explanation && { explanation: selection.explanation }),
      selection,
      prompt,
    };
  });
}
