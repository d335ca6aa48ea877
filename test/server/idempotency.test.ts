import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError, type ErrorCode } from '../../src/core/errors.js';
import { idempotencyKey, IdempotencyStore, type IdempotencyOptions } from '../../src/server/idempotency.js';

type KeptReply = Awaited<ReturnType<IdempotencyStore['run']>>;

const reply = (body: unknown): KeptReply => ({ kind: 'json', status: 200, body });
const never = (): AbortSignal => new AbortController().signal;

/** A store, and how often work was done through it. */
function counted(options?: IdempotencyOptions) {
  const store = new IdempotencyStore(options);
  let done = 0;
  const run = (key: string, digest = 'd', work?: () => Promise<KeptReply>, signal = never(), scope = 's') =>
    store.run({ scope, key, digest, signal }, () => {
      done++;
      return work?.() ?? Promise.resolve(reply(done));
    });
  return { store, run, done: () => done };
}

const failing = (code: ErrorCode) => () => Promise.reject(new FungiError(code, 'no'));

describe('a repeated request', () => {
  it('gets the first reply, marked as such, and does nothing', async () => {
    const { run, done } = counted();
    expect(await run('a')).toEqual(reply(1));
    expect(await run('a')).toEqual({ ...reply(1), headers: { 'Idempotent-Replayed': 'true' } });
    expect(done()).toBe(1);
  });

  it('is refused with another body', async () => {
    const { run, done } = counted();
    await run('a', 'one');
    await expect(run('a', 'two')).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect(done()).toBe(1);
  });

  it('is another request where its scope is another', async () => {
    const { run, done } = counted();
    await run('a', 'd', undefined, never(), 'key one');
    await run('a', 'd', undefined, never(), 'key two');
    expect(done()).toBe(2);
  });

  it('waits for an equal one under way, however many there are', async () => {
    const { run, done } = counted();
    let finish: (reply: KeptReply) => void = () => undefined;
    const work = () => new Promise<KeptReply>((resolve) => (finish = resolve));
    const all = Array.from({ length: 20 }, () => run('a', 'd', work));
    await expect(run('a', 'other')).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    finish(reply('late'));
    expect((await Promise.all(all)).map((one) => one.kind === 'json' && one.body)).toEqual(Array(20).fill('late'));
    expect(done()).toBe(1);
  });

  it('does the work itself when the one it waited for may be tried again: once at a time', async () => {
    const { run, done } = counted();
    let fail: (error: Error) => void = () => undefined;
    let underWay = 0;
    const first = run('a', 'd', () => new Promise((_, reject) => (fail = reject)));
    const work = async () => {
      expect(++underWay).toBe(1);
      await Promise.resolve();
      underWay--;
      return reply('second');
    };
    const others = [run('a', 'd', work), run('a', 'd', work)];
    fail(new FungiError('ABORTED', 'its client left'));
    await expect(first).rejects.toMatchObject({ code: 'ABORTED' });
    expect((await Promise.all(others)).map((one) => one.kind === 'json' && one.body)).toEqual(['second', 'second']);
    expect(done()).toBe(2);
  });

  it('stops waiting when its own client leaves', async () => {
    const { run } = counted();
    const leaving = new AbortController();
    void run('a', 'd', () => new Promise(() => undefined));
    const waiting = run('a', 'd', undefined, leaving.signal);
    const reason = new FungiError('DEADLINE_EXCEEDED', 'late');
    leaving.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});

describe('failures', () => {
  it.each(['INVALID_DATA', 'INVALID_TEXT', 'INVALID_ARGUMENT'] as const)(
    'that the body brings about stay: %s',
    async (code) => {
      const { run, done } = counted();
      await expect(run('a', 'd', failing(code))).rejects.toMatchObject({ code });
      await expect(run('a')).rejects.toMatchObject({ code });
      expect(done()).toBe(1);
    },
  );

  it.each(['INDEX_LOCKED', 'OVERLOADED', 'STORAGE_FAILED', 'INDEX_NOT_FOUND', 'ABORTED', 'WORKER_FAILED'] as const)(
    'that may pass do not: %s',
    async (code) => {
      const { run, store } = counted();
      await expect(run('a', 'd', failing(code))).rejects.toMatchObject({ code });
      expect(store.size).toBe(0);
      expect(await run('a')).toEqual(reply(2));
    },
  );

  it('that nobody foresaw do not stay', async () => {
    const { run } = counted();
    await expect(run('a', 'd', () => Promise.reject(new Error('bug')))).rejects.toThrow('bug');
    expect(await run('a')).toEqual(reply(2));
  });
});

describe('what is kept', () => {
  it('is bounded by number, the oldest going first', async () => {
    const { run, store, done } = counted({ maxKeys: 3 });
    for (let i = 0; i < 10; i++) await run(`${i}`);
    expect(store.size).toBe(3);
    await run('9');
    expect(done()).toBe(10);
    await run('0');
    expect(done()).toBe(11);
  });

  it('is bounded by size', async () => {
    const { run, store } = counted({ maxCharacters: 100 });
    for (let i = 0; i < 10; i++) await run(`${i}`, 'd', () => Promise.resolve(reply('x'.repeat(38))));
    expect(store.size).toBe(2);
  });

  it('is never what is under way, which somebody waits for', async () => {
    const { run, store } = counted({ maxKeys: 1 });
    let finish: (reply: KeptReply) => void = () => undefined;
    const slow = run('slow', 'd', () => new Promise((resolve) => (finish = resolve)));
    for (let i = 0; i < 5; i++) await run(`${i}`);
    const again = run('slow');
    finish(reply('slow'));
    expect([await slow, await again].map((one) => one.kind === 'json' && one.body)).toEqual(['slow', 'slow']);
    expect(store.size).toBe(1);
  });

  it('goes after its time', async () => {
    let now = 0;
    const { run, done } = counted({ ttlMs: 10, now: () => now });
    await run('a');
    now = 9;
    await run('a');
    expect(done()).toBe(1);
    now = 10;
    await run('a');
    expect(done()).toBe(2);
  });

  it('never is more than its bounds, nor another reply than the first, over any sequence of requests', async () => {
    const step = fc.record({ key: fc.integer({ min: 0, max: 5 }), body: fc.integer({ min: 0, max: 1 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { run, store } = counted({ maxKeys: 3 });
        const first = new Map<number, { body: number; text: string }>();
        for (const [at, { key, body }] of steps.entries()) {
          const text = `${at}`;
          const got = await run(`${key}`, `${body}`, () => Promise.resolve(reply(text))).catch(
            (error: unknown) => error,
          );
          const known = first.get(key);
          if (FungiError.is(got, 'IDEMPOTENCY_CONFLICT')) expect(known?.body).not.toBe(body);
          else if ((got as { body: string }).body === text) first.set(key, { body, text });
          else expect({ body, text: (got as { body: string }).body }).toEqual(known);
          expect(store.size).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});

describe('a key', () => {
  it('is 1 to 255 visible ASCII characters', () => {
    const visible = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(fc.string({ unit: visible, minLength: 1, maxLength: 255 }), (key) => {
        expect(idempotencyKey(key)).toBe(key);
      }),
    );
    expect(idempotencyKey(undefined)).toBeUndefined();
  });

  it.each(['', 'a b', 'a\n', 'ä', 'x'.repeat(256), 'a, b'])('is not %j', (key) => {
    expect(() => idempotencyKey(key)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});
