/** An asynchronous step as an Express middleware: the one place that knows when to call `next`. */
import { FungiError } from '../../core/errors.js';
import type { HttpRequest, HttpResponse, Middleware, Next } from './http.js';

/** @param signal fires when the client has left */
type Step<Request, Result> = (request: Request, response: HttpResponse, signal: AbortSignal) => Promise<Result>;

/** Goes on to the next handler when `step` is done, and to the error handler when it fails. */
export const passing =
  <Request extends HttpRequest>(step: Step<Request, void>): Middleware<Request> =>
  (request, response, next) => {
    run(step, request, response).then(() => {
      next();
    }, failing(next));
  };

/** Replies with what `step` gives; goes to the error handler when it fails. */
export const replying =
  <Request extends HttpRequest>(step: Step<Request, object>): Middleware<Request> =>
  (request, response, next) => {
    run(step, request, response)
      .then((reply) => {
        response.json(reply);
      })
      .catch(failing(next));
  };

async function run<Request, Result>(
  step: Step<Request, Result>,
  request: Request,
  response: HttpResponse,
): Promise<Result> {
  const left = new AbortController();
  const gone = new FungiError('ABORTED', 'the client left before its request was answered');
  const leave = (): void => {
    if (!response.writableFinished) left.abort(gone);
  };
  response.once('close', leave);
  if (response.destroyed) leave();
  try {
    const result = await step(request, response, left.signal);
    left.signal.throwIfAborted();
    return result;
  } catch (error) {
    throw left.signal.aborted ? gone : error;
  } finally {
    response.off('close', leave);
  }
}

/** `next` takes undefined for success and the word "route" for a jump: what was thrown goes on as an error whatever it is. */
const failing =
  (next: Next) =>
  (error: unknown): void => {
    next(error instanceof Error ? error : new Error(`a handler threw ${String(error)}`, { cause: error }));
  };
