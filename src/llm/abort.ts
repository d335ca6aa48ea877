import { FungiError } from '../core/errors.js';

export const aborted = (): FungiError => new FungiError('ABORTED', 'the LLM request was aborted by its caller');

/** `work`, or ABORTED as soon as `signal` fires; `onAbort` runs then, and `work` is left to itself. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined, onAbort?: () => void): Promise<T> {
  if (!signal) return work;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      onAbort?.();
      reject(aborted());
    };
    signal.addEventListener('abort', abort, { once: true });
    const settled = (): void => {
      signal.removeEventListener('abort', abort);
    };
    work.then(resolve, reject).finally(settled);
    if (signal.aborted) abort();
  });
}
