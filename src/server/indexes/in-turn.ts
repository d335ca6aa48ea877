/** Work that is done one at a time, for each takes a share of the event loop: who comes meanwhile waits, in order. */
import { FungiError } from '../../core/errors.js';
import { abortable } from '../../llm/abort.js';

export class InTurn {
  /** Settles when the last in the line has ended. */
  private end = Promise.resolve();
  /** Under way or waiting. */
  private length = 0;

  /** @param maxWaiting requests that may wait, besides the one that is under way */
  constructor(private readonly maxWaiting: number) {}

  /**
   * @param signal of the request: it stops waiting
   * @throws {FungiError} OVERLOADED where too many wait; the signal's reason; what `work` throws
   */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.length > this.maxWaiting) {
      throw new FungiError('OVERLOADED', `${this.maxWaiting} requests wait for work that is done one by one`, {
        hint: 'Try again when they have been answered.',
        details: { retryAfterMs: RETRY_AFTER_MS },
      });
    }
    const before = this.end;
    let leave = (): void => undefined;
    const own = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // Whoever stops waiting leaves his place to those behind him, who go on waiting for those before.
    this.end = before.then(() => own);
    this.length++;
    try {
      await abortable(before, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
      return await work();
    } finally {
      leave();
      this.length--;
    }
  }
}

const RETRY_AFTER_MS = 5000;
