/** Long encodings are shared with other processes: the states are the same, and what happens to the processes loses nothing. */
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { importEncoder } from '../../src/engine/import.js';
import { encodeStates } from '../../src/engine/trunk.js';
import { TrunkRuns } from '../../src/engine/trunk-runs.js';
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

/** The tiny encoder's trunk, with processes from its first batch on. */
async function trunk(count = 2) {
  const { imported, trunk: session } = await importEncoder(encoder, { threads: 1 });
  const here = vi.spyOn(session, 'run');
  const started: Replicas[] = [];
  const share = async (): Promise<Replicas> => {
    const { bytes, folder } = imported.trunk;
    started.push(await Replicas.start(bytes, 'tiny', { folder, threads: 1, count }));
    return started[0]!;
  };
  const lines: string[] = [];
  const log = { debug: () => undefined, info: () => undefined, warn: (line: string) => lines.push(line) };
  const runs = new TrunkRuns(session, { share, log, longMs: 0 });
  closing.push(() => runs.release());
  const encode = () => encodeStates((batches) => runs.of(batches), imported, encoder, encoder.prepare(ITEMS));
  /** Until the processes are there. */
  const shared = async (): Promise<Replicas> => {
    await encode();
    await vi.waitFor(() => {
      expect(runs.of(2).lanes).toBe(count);
    }, 30_000);
    return started[0]!;
  };
  return { runs, encode, shared, here, lines, started };
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

  it('go on here when a process ends, with one warning and nothing lost', async () => {
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
    expect(lines[0]).toMatch(/^the encoder computes in one process from here on, and slower: .+ was ended by SIGKILL$/);
    await vi.waitFor(() => {
      for (const pid of replicas.pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    }, 10_000);
  });

  it('go on here where no process can be started', async () => {
    const { imported, trunk: session } = await importEncoder(encoder, { threads: 1 });
    const lines: string[] = [];
    const share = vi.fn(() => Promise.reject(new FungiError('WORKER_FAILED', 'no memory')));
    const log = { debug: () => undefined, info: () => undefined, warn: (line: string) => lines.push(line) };
    const runs = new TrunkRuns(session, { share, log, longMs: 0 });
    closing.push(() => runs.release());
    for (let time = 0; time < 3; time++) {
      await encodeStates((batches) => runs.of(batches), imported, encoder, encoder.prepare(ITEMS));
    }
    expect(share).toHaveBeenCalledOnce();
    expect(lines).toEqual(['the encoder computes in one process from here on, and slower: no memory']);
  });

  it('leave no process behind that was being started', async () => {
    const { runs, encode, started } = await trunk();
    await encode();
    closing.splice(0);
    await runs.release();
    await vi.waitFor(() => {
      for (const pid of started[0]!.pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    }, 10_000);
  });

  it('pass on what a run in another process throws, and are not given up for it', async () => {
    const { runs, shared, lines } = await trunk();
    await shared();
    await expect(runs.of(2).run({}, ['nothing'])).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    expect(runs.of(2).lanes).toBe(2);
    expect(lines).toEqual([]);
  });

  it('start no process for encodings that are short', async () => {
    const start = vi.spyOn(Replicas, 'start');
    const engine = await createEngine(encoder, { threads: 1, processes: 2 });
    closing.push(() => engine.close());
    await engine.encode(ITEMS);
    await pause(50);
    expect(start).not.toHaveBeenCalled();
    start.mockRestore();
  });
});

it.each([-1, 0.5, 65, NaN])('%s processes are refused', async (processes) => {
  await expect(createEngine(encoder, { processes })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    message: `processes is ${processes}: it must be a whole number from 0 to 64`,
  });
});
