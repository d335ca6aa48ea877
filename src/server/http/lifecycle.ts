/** Whether the server takes work, and what is under way: shared by the app, which answers, and by the listener, which stops. */
import { FungiError } from '../../core/errors.js';

/** What can be told to end. */
export interface Stoppable {
  abort(reason: FungiError): void;
}

export class Lifecycle {
  private stopping = false;
  private readonly open = new Set<Stoppable>();

  /** True from the first moment of a shutdown: unready, and no connection is kept for a next request. */
  get draining(): boolean {
    return this.stopping;
  }

  get inFlight(): number {
    return this.open.size;
  }

  drain(): void {
    this.stopping = true;
  }

  /** @returns to call when it has ended */
  enter(one: Stoppable): () => void {
    this.open.add(one);
    return () => this.open.delete(one);
  }

  /** Ends what is still under way: it is told NOT_READY, so that a stream can say so to its reader. */
  cutOff(): void {
    const reason = new FungiError('NOT_READY', 'the server is stopping', { hint: 'Try again in a few seconds.' });
    for (const one of this.open) one.abort(reason);
  }
}
