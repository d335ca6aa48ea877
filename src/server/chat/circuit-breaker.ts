/** Keeps requests from an upstream that is down: after failures in a row it lets none through for a while, then one, to see. */

export interface BreakerSettings {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long it stays open, milliseconds. */
  readonly openMs: number;
}

/** Leave for one request; one of the three is called once, when it is known. */
export interface CircuitPass {
  succeeded(): void;
  failed(): void;
  /** Says nothing of the upstream: the client left, or it asks for fewer requests. */
  withdrawn(): void;
}

export class CircuitBreaker {
  private failuresInRow = 0;
  private openUntil: number | undefined;
  private probing = false;
  /** Raised whenever it opens or closes: what a request of before then ends in says nothing of now. */
  private era = 0;

  /** @param now monotonic, milliseconds */
  constructor(
    private readonly settings: BreakerSettings,
    private readonly now: () => number,
  ) {}

  /** @returns undefined where no request may be made: see {@link retryAfterMs} */
  enter(): CircuitPass | undefined {
    if (this.openUntil !== undefined) {
      if (this.probing || this.now() < this.openUntil) return undefined;
      this.probing = true;
    }
    const { era } = this;
    let settled = false;
    const once = (settle: () => void) => (): void => {
      if (settled) return;
      settled = true;
      if (era === this.era) settle();
    };
    return {
      succeeded: once(() => {
        this.close();
      }),
      failed: once(() => {
        this.fail();
      }),
      withdrawn: once(() => {
        this.probing = false;
      }),
    };
  }

  /** Until a request may be made again, at best; 0 when one may be made now. */
  get retryAfterMs(): number {
    if (this.openUntil === undefined) return 0;
    const left = Math.max(0, this.openUntil - this.now());
    return left === 0 && this.probing ? PROBE_MS : left;
  }

  private close(): void {
    this.failuresInRow = 0;
    if (this.openUntil === undefined) return;
    this.openUntil = undefined;
    this.probing = false;
    this.era++;
  }

  private fail(): void {
    this.failuresInRow++;
    if (this.openUntil === undefined && this.failuresInRow < this.settings.failures) return;
    this.openUntil = this.now() + this.settings.openMs;
    this.probing = false;
    this.era++;
  }
}

/** What others are told to wait while one request looks whether the upstream is back. */
const PROBE_MS = 1000;
