/** Long encodings are shared with other processes: the states are the same, and what happens to the processes loses nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { importEncoder } from '../../src/engine/import.js';
import { encodeStates } from '../../src/engine/trunk.js';
import { TrunkRuns, type TrunkRunsOptions } from '../../src/engine/trunk-runs.js';
import { Replica } from '../../src/runtime/replica.js';
import { Replicas } from '../../src/runtime/replicas.js';
import { float32 } from '../../src/runtime/session.js';
import { fixture } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';

const encoder = idEncoder(fixture('fungi/tiny-bert/pooled.onnx'), 'first');
const ITEMS = Array.from({ length: 600 }, (_, i) =>
  asItem(Array.from({ length: 2 + (i % 30) }, (__, t) => 1 + ((i * 7 + t * 3) % 12))),
);

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const notes = () => {
  const lines: string[] = [];
  return { lines, log: { debug: () => undefined, info: () => undefined, warn: (line: string) => lines.push(line) } };
};
const areGone = (pids: readonly number[]): Promise<void> =>
  vi.waitFor(() => {
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  }, 10_000);

/** The tiny encoder's trunk, with processes from its first batch on. */
async function trunk({ count = 2, ...options }: { readonly count?: number } & Partial<TrunkRunsOptions> = {}) {
  const { imported, trunk: session } = await importEncoder(encoder, { threads: 1 });
  const run = session.run.bind(session);
  const here = vi.spyOn(session, 'run');
  const started: Replicas[] = [];
  const share = vi.fn(async (signal: AbortSignal): Promise<Replicas> => {
    const { bytes, folder } = imported.trunk;
    const replicas = await Replicas.start(bytes, 'tiny', { folder, threads: 1, count, signal });
    started.push(replicas);
    return replicas;
  });
  const { lines, log } = notes();
  const runs = new TrunkRuns(session, { share, log, longMs: 0, ...options });
  closing.push(() => runs.release());
  const encode = (items = ITEMS) =>
    encodeStates((batches) => runs.of(batches), imported, encoder, encoder.prepare(items));
  /** Until the processes are there. */
  const shared = async (): Promise<Replicas> => {
    await encode();
    await vi.waitFor(() => {
      expect(runs.of(2).lanes).toBe(count);
    }, 30_000);
    return started[0]!;
  };
  return { runs, encode, shared, run, here, lines, share };
}

describe('trunk runs', { timeout: 60_000 }, () => {
  it('give the same states in other processes, to the last digit, and none is computed here then', async () => {
    const { encode, shared, here } = await trunk();
    const own = await encode();
    const replicas = await shared();
    expect(new Set(replicas.pids).size).toBe(2);
    here.mockClear();
    expect(await encode()).toEqual(own);
    expect(here).not.toHaveBeenCalled();
  });

  it('keep a single run here, which all threads finish soonest', async () => {
    const { runs, shared, here } = await trunk();
    await shared();
    here.mockClear();
    expect(runs.of(1).lanes).toBe(1);
    here.mockResolvedValueOnce({ y: float32(new Float32Array(1), [1]) });
    await runs.of(1).run({}, ['y']);
    expect(here).toHaveBeenCalledOnce();
  });

  it('are taken over in the middle of an encoding', async () => {
    const { runs, encode, run, here } = await trunk();
    const many = Array.from({ length: 40 }, () => ITEMS).flat();
    let batches = 0;
    // Runs that take their time, as a large encoder's do; without, all is done before a process is there.
    here.mockImplementation(async (...of) => {
      batches += 1;
      await pause(40);
      return run(...of);
    });
    await encode(many);
    const all = Math.ceil((many.length * 16) / 512);
    expect(runs.of(2).lanes).toBe(2);
    expect(batches).toBeLessThan(all / 2);
  });

  it('go on here when a process ends, with one warning that says what to do, and nothing lost', async () => {
    const { encode, shared, here, lines } = await trunk();
    const own = await encode();
    const replicas = await shared();
    here.mockClear();
    const again = encode();
    process.kill(replicas.pids[0]!, 'SIGKILL');
    expect(await again).toEqual(own);
    expect(await encode()).toEqual(own);
    expect(here).toHaveBeenCalled();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^the encoder computes in one process from here on, and slower: .+ (?:was ended by SIGKILL|could not be reached: .+)\. Memory may have been short.+--processes 0/,
    );
    await areGone(replicas.pids);
  });

  it('go on here where no process can be started', async () => {
    const share = vi.fn(() => Promise.reject(new FungiError('WORKER_FAILED', 'no memory')));
    const { encode, lines } = await trunk({ share });
    for (let time = 0; time < 3; time++) await encode();
    expect(share).toHaveBeenCalledOnce();
    expect(lines).toEqual(['the encoder computes in one process from here on, and slower: no memory']);
  });

  it('end processes that are being started, and wait for none of them', async () => {
    const killed = vi.spyOn(Replica.prototype, 'kill');
    const { runs, encode, lines } = await trunk();
    await encode();
    closing.splice(0);
    await runs.release();
    const pids = killed.mock.contexts.map((replica) => (replica as Replica).pid!);
    killed.mockRestore();
    expect(new Set(pids).size).toBe(2);
    await areGone(pids);
    expect(lines).toEqual([]);
  });

  it('end processes that have nothing to do, and start others when it is long again', async () => {
    const { encode, shared, share, runs } = await trunk({ idleMs: 300 });
    const replicas = await shared();
    await areGone(replicas.pids);
    expect(runs.of(2).lanes).toBe(1);
    await shared();
    expect(share).toHaveBeenCalledTimes(2);
    await encode();
  });

  it('compute here what another process cannot, and do not give up the processes for it', async () => {
    const { runs, shared, here, lines } = await trunk();
    await shared();
    here.mockClear();
    await expect(runs.of(2).run({}, ['nothing'])).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    expect(here).toHaveBeenCalledOnce(); // the failure is that of this process
    expect(runs.of(2).lanes).toBe(2);
    expect(lines).toEqual([]);
  });

  it.each([
    [
      { processes: 2, threads: 5 },
      { count: 2, threads: 2 },
    ],
    [
      { processes: 3, threads: 1 },
      { count: 3, threads: 1 },
    ],
  ])('are shared by an engine of %o as %o, and not for short encodings', async (options, expected) => {
    const start = vi.spyOn(Replicas, 'start').mockRejectedValue(new FungiError('WORKER_FAILED', 'not here'));
    const { lines, log } = notes();
    const engine = await createEngine(encoder, { ...options, log });
    closing.push(() => engine.close());
    await engine.encode(ITEMS);
    expect(start).not.toHaveBeenCalled();
    const now = performance.now.bind(performance);
    const clock = vi.spyOn(performance, 'now');
    let jumps = 0;
    clock.mockImplementation(() => now() + 1100 * jumps++);
    await engine.encode(ITEMS);
    clock.mockRestore();
    await vi.waitFor(() => {
      expect(lines).toHaveLength(1);
    });
    expect(start).toHaveBeenCalledOnce();
    expect(start.mock.calls[0]![2]).toMatchObject(expected);
    start.mockRestore();
  });
});

it.each([-1, 0.5, 65, NaN])('%s processes are refused', async (processes) => {
  await expect(createEngine(encoder, { processes })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `processes is ${processes}: it must be a whole number from 0 to 64`,
  });
});

it('processes beside an accelerator are refused', async () => {
  await expect(createEngine(encoder, { processes: 2, provider: 'cuda' })).rejects.toThrow(
    '2 processes cannot share encodings on provider "cuda"',
  );
});
