/** Sessions over one graph, weights and settings are one session, until its last user lets go. */
import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { float32, Session } from '../../src/runtime/session.js';
import { acquireSession, type SharedOptions, type SharedSession } from '../../src/runtime/shared-session.js';

/** x + addend. */
function graph(addend: number): Uint8Array {
  const g = new GraphBuilder('sum');
  const sum = g.op('Add', [g.input('x', 'float32', ['n']), g.scalar(addend)]);
  g.output(sum, 'float32', ['n'], 'y');
  return g.build();
}

const OPTIONS: SharedOptions = { folder: '/tmp', weightsSha256: 'a'.repeat(64), threads: 1 };
const acquire = (changes: Partial<SharedOptions> = {}, addend = 1, label = 'sum'): Promise<SharedSession> =>
  acquireSession(graph(addend), label, { ...OPTIONS, ...changes });

async function sumOf(session: SharedSession, x: number): Promise<number> {
  const { y } = await session.run({ x: float32(Float32Array.of(x), [1]) }, ['y']);
  return y.data[0] as number;
}

const load = Session.load.bind(Session);
let loads: MockInstance<typeof Session.load>;
let released: number;
beforeEach(() => {
  released = 0;
  loads = vi.spyOn(Session, 'load').mockImplementation(async (...args) => {
    const session = await load(...args);
    const release = session.release.bind(session);
    session.release = async () => {
      released += 1;
      await release();
    };
    return session;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('sessions of one graph', () => {
  it('are loaded once, also by two at the same moment, and released with the last', async () => {
    const [first, second] = await Promise.all([acquire(), acquire()]);
    const third = await acquire();
    expect(loads).toHaveBeenCalledTimes(1);
    await first.release();
    await third.release();
    expect(released).toBe(0);
    expect(await sumOf(second, 3)).toBe(4);
    await second.release();
    expect(released).toBe(1);
    const again = await acquire();
    expect(loads).toHaveBeenCalledTimes(2);
    expect(await sumOf(again, 5)).toBe(6);
    await again.release();
  });

  it('may be released twice by one user, without harm to the others', async () => {
    const [first, second] = [await acquire(), await acquire()];
    await Promise.all([first.release(), first.release()]);
    await first.release();
    expect(released).toBe(0);
    expect(await sumOf(second, 1)).toBe(2);
    await second.release();
    await second.release();
    expect(released).toBe(1);
  });

  it.each<[string, () => Promise<SharedSession>, number]>([
    ['another graph', () => acquire({}, 7), 7],
    ['another folder of weights', () => acquire({ folder: '/' }), 1],
    ['other weights', () => acquire({ weightsSha256: 'b'.repeat(64) }), 1],
    ['another count of threads', () => acquire({ threads: 2 }), 1],
    ['another name in errors', () => acquire({}, 1, 'other'), 1],
  ])('are not shared with %s', async (_, other, addend) => {
    const [first, second] = [await acquire(), await other()];
    expect(loads).toHaveBeenCalledTimes(2);
    await first.release();
    expect(released).toBe(1);
    expect(await sumOf(second, 0)).toBe(addend);
    await second.release();
    expect(released).toBe(2);
  });

  it('are shared where settings left out are the default', async () => {
    const [first, second] = [await acquire({ threads: 0 }), await acquire({ threads: 0, provider: 'cpu' })];
    const { folder, weightsSha256 } = OPTIONS;
    const third = await acquireSession(graph(1), 'sum', { folder, weightsSha256 });
    expect(loads).toHaveBeenCalledTimes(1);
    await Promise.all([first, second, third].map((session) => session.release()));
    expect(released).toBe(1);
  });

  it('are not shared where the weights are not known', async () => {
    const [first, second] = [await acquire({ weightsSha256: '' }), await acquire({ weightsSha256: '' })];
    expect(loads).toHaveBeenCalledTimes(2);
    await first.release();
    expect(await sumOf(second, 1)).toBe(2);
    await second.release();
    expect(released).toBe(2);
  });
});

describe('a session that cannot be loaded', () => {
  it('fails for all who wait, and is tried again by the next', async () => {
    const refusal = new FungiError('RUNTIME_FAILED', 'out of memory');
    loads.mockImplementationOnce(() => Promise.reject(refusal));
    const outcomes = await Promise.allSettled([acquire(), acquire()]);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && (outcome.reason as unknown))).toEqual([refusal, refusal]); // prettier-ignore
    expect(loads).toHaveBeenCalledTimes(1);
    const session = await acquire();
    expect(await sumOf(session, 1)).toBe(2);
    // Those that failed count for nothing.
    await session.release();
    expect(released).toBe(1);
  });

  it('does not take away one that was loaded meanwhile', async () => {
    loads.mockImplementationOnce(() => Promise.reject(new FungiError('RUNTIME_FAILED', 'out of memory')));
    await expect(acquire()).rejects.toThrow('out of memory');
    const first = await acquire();
    const second = await acquire();
    expect(loads).toHaveBeenCalledTimes(2);
    await Promise.all([first.release(), second.release()]);
  });
});
