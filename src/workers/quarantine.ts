/**
 * Items that model processes died of. A term, not a life sentence: where memory was short the item is innocent, and is computed when the
 * term is over; one that kills again is kept away for twice as long, so that it costs less and less.
 */

/** Of the first conviction, milliseconds. */
const FIRST_TERM_MS = 60_000;
const LONGEST_TERM_MS = 24 * 3_600_000;
/** Items that are remembered; the oldest are forgotten. */
const ITEMS = 10_000;

interface Conviction {
  readonly termMs: number;
  readonly until: number;
}

export class Quarantine {
  private readonly convicted = new Map<string, Conviction>();

  /** @param now milliseconds on a clock that never goes back */
  constructor(private readonly now: () => number) {}

  /** Milliseconds for which it is not tried; 0 when it may be. */
  remaining(key: string): number {
    const { until } = this.convicted.get(key) ?? { until: 0 };
    return Math.max(0, until - this.now());
  }

  /** @returns milliseconds of its term */
  add(key: string): number {
    const before = this.convicted.get(key);
    const termMs = before === undefined ? FIRST_TERM_MS : Math.min(LONGEST_TERM_MS, before.termMs * 2);
    this.convicted.delete(key); // it becomes the newest
    this.convicted.set(key, { termMs, until: this.now() + termMs });
    for (const oldest of this.convicted.keys()) {
      if (this.convicted.size <= ITEMS) break;
      this.convicted.delete(oldest);
    }
    return termMs;
  }
}
