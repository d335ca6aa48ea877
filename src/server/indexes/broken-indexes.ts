/** Indexes that cannot be opened, or not in their newest build: each is tried again by itself, after waits that grow. */

export interface RetryOptions {
  /** The first wait, milliseconds; each failure in a row doubles it. @default 1000 */
  readonly retryMs?: number;
  /** @default 60,000: opening reads the whole index */
  readonly maxRetryMs?: number;
  /** Told when an index begins to fail, or fails in another way; undefined: it works again. */
  readonly onBroken?: (name: string, error: Error | undefined) => void;
}

interface Broken {
  error: Error;
  failures: number;
  timer: NodeJS.Timeout | undefined;
}

export class BrokenIndexes {
  private readonly broken = new Map<string, Broken>();
  private isClosed = false;

  /** @param retry ends in {@link add} or {@link mend} */
  constructor(
    private readonly retry: (name: string) => Promise<unknown>,
    private readonly options: RetryOptions,
  ) {}

  get all(): ReadonlyMap<string, Error> {
    return new Map([...this.broken].map(([name, { error }]) => [name, error]));
  }

  get(name: string): Error | undefined {
    return this.broken.get(name)?.error;
  }

  add(name: string, error: Error): void {
    if (this.isClosed) return;
    const before = this.broken.get(name);
    if (before?.error.message !== error.message) this.options.onBroken?.(name, error);
    const now = before ?? { error, failures: 0, timer: undefined };
    now.error = error;
    this.broken.set(name, now);
    if (now.timer === undefined) this.schedule(name, now);
  }

  mend(name: string): void {
    const before = this.broken.get(name);
    if (before === undefined) return;
    clearTimeout(before.timer);
    this.broken.delete(name);
    this.options.onBroken?.(name, undefined);
  }

  close(): void {
    this.isClosed = true;
    for (const { timer } of this.broken.values()) clearTimeout(timer);
  }

  private schedule(name: string, broken: Broken): void {
    const { retryMs = 1000, maxRetryMs = 60_000 } = this.options;
    broken.timer = setTimeout(
      () => {
        broken.timer = undefined;
        this.retry(name).catch(() => undefined);
      },
      Math.min(maxRetryMs, retryMs * 2 ** broken.failures++),
    );
    broken.timer.unref();
  }
}
