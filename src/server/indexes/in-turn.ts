/** Work of which every index has one at a time: who comes meanwhile waits, in order. */
import { FungiError } from '../../core/errors.js';
import { abortable } from '../../llm/abort.js';

interface Line {
  /** Settles when the last in it has ended. */
  end: Promise<void>;
  /** Under way or waiting. */
  length: number;
}

export class InTurn {
  private readonly lines = new Map<string, Line>();

  /** @param maxWaiting requests that may wait for an index, besides the one that is under way */
  constructor(private readonly maxWaiting: number) {}

  /**
   * @param index its name
   * @param signal of the request: it stops waiting
   * @throws {FungiError} OVERLOADED where too many wait; the signal's reason; what `work` throws
   */
  async run<T>(index: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const line = this.lines.get(index) ?? { end: Promise.resolve(), length: 0 };
    if (line.length > this.maxWaiting) {
      throw new FungiError('OVERLOADED', `${this.maxWaiting} requests wait for work on index "${index}" that is done one by one`, {
        hint: 'Try again when they have been answered.',
        details: { retryAfterMs: RETRY_AFTER_MS },
      });
    }
    this.lines.set(index, line);
    const before = line.end;
    let leave = (): void => undefined;
    const own = new Promise<void>((resolve) => {
      leave = resolve;
    });
    // Whoever stops waiting leaves his place to those behind him, who go on waiting for those before.
    line.end = before.then(() => own);
    line.length++;
    try {
      await abortable(before, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        throw error;
      });
      return await work();
    } finally {
      leave();
      line.length--;
      if (line.length === 0) this.lines.delete(index);
    }
  }
}

const RETRY_AFTER_MS = 5000;
