import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../../src/server/chat/circuit-breaker.js';

let now = 0;
const breaker = (): CircuitBreaker => {
  now = 0;
  return new CircuitBreaker({ failures: 3, openMs: 1000 }, () => now);
};
const fail = (one: CircuitBreaker, times = 1): void => {
  for (let i = 0; i < times; i++) one.enter()!.failed();
};

describe('CircuitBreaker', () => {
  it('opens after failures in a row, not after as many with a success between', () => {
    const one = breaker();
    fail(one, 2);
    one.enter()!.succeeded();
    fail(one, 2);
    expect(one.enter()).toBeDefined();
    fail(one);
    expect(one.enter()).toBeUndefined();
    expect(one.retryAfterMs).toBe(1000);
  });

  it('lets one request through when its time is over, and closes when that succeeds', () => {
    const one = breaker();
    fail(one, 3);
    now = 999;
    expect(one.enter()).toBeUndefined();
    now = 1000;
    const probe = one.enter()!;
    expect(one.enter()).toBeUndefined();
    expect(one.retryAfterMs).toBeGreaterThan(0);
    probe.succeeded();
    expect(one.retryAfterMs).toBe(0);
    fail(one, 2);
    expect(one.enter()).toBeDefined();
  });

  it('opens anew when that one fails', () => {
    const one = breaker();
    fail(one, 3);
    now = 1500;
    fail(one);
    expect(one.retryAfterMs).toBe(1000);
    now = 2499;
    expect(one.enter()).toBeUndefined();
  });

  it('lets another through where that one was withdrawn', () => {
    const one = breaker();
    fail(one, 3);
    now = 1000;
    one.enter()!.withdrawn();
    expect(one.enter()).toBeDefined();
  });

  it('learns nothing from requests that began before it opened', () => {
    const one = breaker();
    const [slow, late] = [one.enter()!, one.enter()!];
    fail(one, 3);
    late.succeeded();
    expect(one.enter()).toBeUndefined();
    now = 900;
    slow.failed();
    expect(one.retryAfterMs).toBe(100);
  });

  it('takes a pass once', () => {
    const one = breaker();
    const pass = one.enter()!;
    for (let i = 0; i < 5; i++) pass.failed();
    expect(one.enter()).toBeDefined();
  });

  it('whatever happens: has one probe at most, and lets requests through again in time', () => {
    const step = fc.oneof(
      fc.constantFrom('enter', 'succeeded', 'failed', 'withdrawn').map((kind) => ({ kind, ms: 0 })),
      fc.integer({ min: 1, max: 2000 }).map((ms) => ({ kind: 'wait', ms })),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const one = breaker();
        const passes: { succeeded(): void; failed(): void; withdrawn(): void }[] = [];
        for (const { kind, ms } of steps) {
          now += ms;
          if (kind === 'enter') {
            const open = one.retryAfterMs > 0;
            const pass = one.enter();
            expect(pass === undefined).toBe(open);
            if (pass) passes.push(pass);
          } else if (kind !== 'wait') passes.shift()?.[kind as 'failed']();
        }
        for (const pass of passes) pass.withdrawn();
        now += 1000;
        expect(one.enter()).toBeDefined();
      }),
    );
  });
});
