/** Long work on the event loop, in slices: between two of them others have a turn, and whoever asked may call the work off. */
import { setImmediate as turn } from 'node:timers/promises';

export interface PaceOptions {
  /** Asked at every rest: what it throws ends the work. */
  readonly check?: () => void;
  /** What others wait for, beside a single step, milliseconds. @default 4 */
  readonly sliceMs?: number;
}

const SLICE_MS = 4;

export class Pace {
  private readonly check: () => void;
  private readonly sliceMs: number;
  private since = performance.now();

  constructor({ check = () => undefined, sliceMs = SLICE_MS }: PaceOptions = {}) {
    this.check = check;
    this.sliceMs = sliceMs;
  }

  /** Takes a step for each number from 0, and rests where a slice is over. */
  async each(count: number, step: (i: number) => void): Promise<void> {
    for (let i = 0; i < count; i++) {
      step(i);
      if (performance.now() - this.since >= this.sliceMs) await this.rest();
    }
  }

  /** Others have a turn. @throws what `check` throws */
  async rest(): Promise<void> {
    await turn();
    this.check();
    this.since = performance.now();
  }
}
