/** Express as it is seen from here: shapes that version 4 and version 5 share, so that neither is imported. */
import type { Selection, SelectorPrompt } from '../../selector/selector.js';
import type { FewShotReport } from '../few-shot.js';

/** What a middleware of ours says about the examples of a request. */
export interface FungiOfRequest extends FewShotReport {
  /** Inputs and metadata of what was found; set by `fungiSelection`. */
  readonly selection?: Selection;
  /** The filled template; set by `fungiSelection`. */
  readonly prompt?: SelectorPrompt;
}

export interface HttpRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As a body parser left it. */
  body?: unknown;
  fungi?: FungiOfRequest | undefined;
}

export interface HttpResponse {
  /** Everything was handed over to the client. */
  readonly writableFinished: boolean;
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
  off(event: 'close', listener: () => void): unknown;
  json(body: unknown): unknown;
}

export type Next = (error?: unknown) => void;
export type Middleware<Request extends HttpRequest> = (request: Request, response: HttpResponse, next: Next) => void;

declare global {
  // Where the types of Express look for what middlewares add to a request.
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace Express {
    interface Request {
      fungi?: FungiOfRequest | undefined;
    }
  }
}
