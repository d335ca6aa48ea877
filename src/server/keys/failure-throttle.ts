/** Wrong keys by address: after too many within a minute none is looked at, so that guessing is no faster than that. */

const WINDOW_MS = 60_000;
/** Beyond, the address that failed longest ago is forgotten: a flood of addresses takes no memory. */
const MAX_ADDRESSES = 10_000;

interface Window {
  failures: number;
  readonly endsAt: number;
}

export class FailureThrottle {
  private readonly windows = new Map<string, Window>();

  /** @param now monotonic, milliseconds */
  constructor(
    private readonly failuresPerMinute: number,
    private readonly now: () => number,
  ) {}

  /** How long `address` has to wait, milliseconds; 0: not at all. */
  waitMs(address: string): number {
    const window = this.windows.get(address);
    if (window === undefined || window.failures < this.failuresPerMinute) return 0;
    return Math.max(0, window.endsAt - this.now());
  }

  failed(address: string): void {
    const window = this.windows.get(address);
    if (window !== undefined && window.endsAt > this.now()) {
      window.failures += 1;
      return;
    }
    this.windows.delete(address);
    this.windows.set(address, { failures: 1, endsAt: this.now() + WINDOW_MS });
    if (this.windows.size > MAX_ADDRESSES) {
      const [oldest] = this.windows.keys();
      if (oldest !== undefined) this.windows.delete(oldest);
    }
  }
}
