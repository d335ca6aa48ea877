/** What two processes say to each other: calls, and what becomes of them. Structured clones: float arrays stay what they are. */
import type { OnProgress, Progress } from '../progress.js';
import { failureOf, type Failure } from './failure.js';

export interface Call<Request> {
  readonly call: number;
  readonly request: Request;
}

export type Reply<Result> =
  | { readonly call: number; readonly result: Result }
  | { readonly call: number; readonly failure: Failure }
  | { readonly call: number; readonly progress: Progress };

/**
 * Answers the parent's calls, in a process that was forked for it, until the parent is gone: nobody is left to compute for then.
 *
 * @param answer takes what the parent asks: it is on both sides that types are kept
 */
export function answerCalls(answer: (request: never, onProgress: OnProgress) => Promise<unknown>): void {
  const send = (reply: Reply<unknown>): void => {
    // The parent may have ended meanwhile; who was computing has not heard of it yet.
    if (process.connected) process.send!(reply, () => undefined);
  };
  process.on('message', ({ call, request }: Call<never>) => {
    answer(request, (progress) => {
      send({ call, progress });
    }).then(
      (result) => {
        send({ call, result });
      },
      (error: unknown) => {
        send({ call, failure: failureOf(error) });
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
}
