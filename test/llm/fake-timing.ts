import type { Timing } from '../../src/llm/retry.js';

/** A clock that moves only when slept on, and dice that always show `roll`. */
export class FakeTiming implements Timing {
  readonly sleeps: number[] = [];
  private time = Date.parse('2026-01-01T00:00:00Z');

  constructor(private readonly roll = 0) {}

  now(): number {
    return this.time;
  }

  random(): number {
    return this.roll;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(new Error('woken'));
    this.sleeps.push(ms);
    this.time += ms;
    return Promise.resolve();
  }
}
