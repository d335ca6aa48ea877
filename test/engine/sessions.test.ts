/** Sessions hold a model's activations: each is loaded once, and released whatever fails. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Loss } from '../../src/losses/loss.js';
import { Session } from '../../src/runtime/session.js';
import { EditedModels, HIDDEN, TINY_BERT } from '../support/edited-model.js';
import { idEncoder } from '../support/id-encoder.js';

const load = Session.load.bind(Session);
let loads: MockInstance<typeof Session.load>;
let live: Set<Session>;

beforeEach(() => {
  live = new Set();
  loads = vi.spyOn(Session, 'load').mockImplementation(async (...args) => {
    const session = await load(...args);
    live.add(session);
    const release = session.release.bind(session);
    session.release = async () => {
      live.delete(session);
      await release();
    };
    return session;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  expect(live.size).toBe(0);
});

let models: EditedModels;
beforeAll(async () => (models = await EditedModels.create()));
afterAll(() => models.remove());

/** Makes the load of number `count`, from 1, fail with `error`. */
function failing(count: number, error: Error): void {
  const real = loads.getMockImplementation()!;
  loads.mockImplementation((...args) => (loads.mock.calls.length === count ? Promise.reject(error) : real(...args)));
}

const warnings = (): {
  log: { info: () => void; warn: (line: string) => void; debug: () => void };
  lines: string[];
} => {
  const lines: string[] = [];
  return { lines, log: { info: () => undefined, debug: () => undefined, warn: (line) => lines.push(line) } };
};

describe('loading an engine', () => {
  it.each(['first', 'mean'] as const)('makes three sessions and keeps the trunk’s (%s)', async (pooling) => {
    const engine = await createEngine(idEncoder(TINY_BERT, pooling));
    expect(loads).toHaveBeenCalledTimes(3);
    expect(live.size).toBe(1);
    await engine.encode(['2 5 3']);
    expect(loads).toHaveBeenCalledTimes(3);
    await engine.close();
  });

  it.each([
    ['uncut model', 1, 'PROVIDER_UNAVAILABLE'],
    ['trunk', 2, 'MODEL_CORRUPT'],
    ['tail', 3, 'PROVIDER_UNAVAILABLE'],
    ['tail', 3, 'RUNTIME_FAILED'],
  ] as const)('fails with the reason when the %s (session %d) is %s, and keeps none', async (_, count, code) => {
    failing(count, new FungiError(code, 'no such device'));
    const { log, lines } = warnings();
    await expect(createEngine(idEncoder(TINY_BERT, 'first'), { log })).rejects.toMatchObject({ code });
    expect(lines).toEqual([]);
    expect(live.size).toBe(0);
  });

  it('computes every token where token 0 does not do, and says why', async () => {
    const mixing = await models.write((edit) => {
      const inner = edit.renamed(HIDDEN);
      edit.node('Add', [inner, edit.node('ReduceMean', [inner], 'average', { axes: [1], keepdims: 1 })], HIDDEN);
    });
    const { log, lines } = warnings();
    // Padding is part of this average: items of one length are compared.
    const encoder = { ...idEncoder(mixing, 'first') };
    encoder.probe = () => [...encoder.prepare(['2 5 7 3', '2 11 4 3'])] as never;
    const engine = await createEngine(encoder, { log });
    expect(engine.info.sliced).toBe(false);
    expect(lines).toEqual([expect.stringMatching(/^ids: .*token 0 alone \(it differs by \d\.\de[+-]\d+\).*slower$/)]);
    await engine.close();
  });

  it('computes every token where token 0 alone breaks the tail, when loaded or when run', async () => {
    const reading = await models.write((edit) => {
      const inner = edit.renamed(HIDDEN);
      const second = edit.constant('second', 'int64', BigInt64Array.of(1n), [1]);
      edit.node('Add', [inner, edit.node('Gather', [inner, second], 'neighbour', { axis: 1 })], HIDDEN);
    });
    const { log, lines } = warnings();
    const run = await createEngine(idEncoder(reading, 'first'), { log });
    failing(loads.mock.calls.length + 3, new FungiError('MODEL_CORRUPT', 'sizes do not fit'));
    const loaded = await createEngine(idEncoder(TINY_BERT, 'first'), { log });
    expect([run.info.sliced, loaded.info.sliced]).toEqual([false, false]);
    expect(lines).toEqual([
      expect.stringMatching(/token 0 alone \(ids tail: .*Gather/s),
      expect.stringContaining('token 0 alone (sizes do not fit)'),
    ]);
    await Promise.all([run.close(), loaded.close()]);
  });

  it('does not take a full memory for a tail that needs every token', async () => {
    const real = loads.getMockImplementation()!;
    loads.mockImplementation(async (...args) => {
      const session = await real(...args);
      const full = new FungiError('RUNTIME_FAILED', 'Failed to allocate memory');
      if (session.label.endsWith('tail')) session.run = () => Promise.reject(full);
      return session;
    });
    const { log, lines } = warnings();
    await expect(createEngine(idEncoder(TINY_BERT, 'first'), { log })).rejects.toThrow('allocate');
    expect(lines).toEqual([]);
  });

  it('keeps nothing of a model that it refuses', async () => {
    const whole = await models.write((edit) => {
      edit.node('Cast', [edit.renamed(HIDDEN)], HIDDEN, { to: 6 });
      edit.outputs({ name: HIDDEN });
    });
    await expect(createEngine(idEncoder(whole, 'first'))).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    expect(loads).toHaveBeenCalledTimes(1);
    expect(live.size).toBe(0);
  });
});

describe('a tail that cannot be loaded', () => {
  it('is tried again, and does not keep the engine from closing', async () => {
    const engine = await createEngine(idEncoder(TINY_BERT, 'first'));
    failing(4, new FungiError('RUNTIME_FAILED', 'out of memory'));
    await expect(engine.program({})).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    const program = await engine.program({});
    expect((await program.run(await engine.encode(['2 5 3']), [[0]])).pooled).toHaveLength(32);

    const broken: Loss = {
      name: 'broken',
      views: 1,
      artefacts: () => ({}),
      write: (g, features) => g.annotate(g.op('NoSuchOperator', [features]), 'float32', ['items']),
    };
    const rejected = expect(engine.program({ loss: broken })).rejects.toMatchObject({ code: 'MODEL_UNSUPPORTED' });
    // Even while it is still loading.
    await engine.close();
    await rejected;
    expect(live.size).toBe(0);
  });
});
