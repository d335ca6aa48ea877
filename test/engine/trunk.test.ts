/** While the trunk computes one batch the next is decoded, and no more than the next: pixels take memory. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Prepared } from '../../src/encoders/encoder.js';
import type { ImportedEncoder } from '../../src/engine/imported-encoder.js';
import { encodeStates } from '../../src/engine/trunk.js';
import type { Runner } from '../../src/engine/trunk-runs.js';
import { float32, type Feeds } from '../../src/runtime/session.js';

interface Numbered extends Prepared {
  readonly number: number;
}
const items = Array.from({ length: 4 }, (_, number): Numbered => ({ number, tokens: 1, truncated: false }));
/** One item a run, one token of width 1. */
const imported = {
  boundary: [{ name: 'x', width: 1, type: 'float32' }],
  trunk: { alone: true, inputs: ['pixels'] },
} as unknown as ImportedEncoder;

class Deferred {
  resolve!: () => void;
  reject!: (error: Error) => void;
  readonly promise = new Promise<void>((resolve, reject) => ([this.resolve, this.reject] = [resolve, reject]));
}

/** Lets everything go on that can. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** An encoder and a session that wait to be told, and what happened in order. @param lanes runs at the same time, now */
function stage(lanes: () => number = () => 1) {
  const events: string[] = [];
  const [decoding, running] = [items.map(() => new Deferred()), items.map(() => new Deferred())];
  const encoder = {
    async collate([item]: readonly Numbered[]): Promise<Feeds> {
      events.push(`decode ${item!.number}`);
      await decoding[item!.number]!.promise;
      events.push(`decoded ${item!.number}`);
      return { pixels: float32(Float32Array.of(item!.number), [1, 1]) };
    },
  };
  const session = {
    async run(feeds: Feeds, outputs: readonly string[]): Promise<never> {
      const number = (feeds['pixels']!.data as Float32Array)[0]!;
      events.push(`run ${number}`);
      await running[number]!.promise;
      events.push(`ran ${number}`);
      return Object.fromEntries(
        outputs.map((name) => [name, float32(Float32Array.of(10 + number), [1, 1, 1])]),
      ) as never;
    },
  };
  const runner: Runner = {
    get lanes() {
      return lanes();
    },
    run: (...of) => session.run(...of),
  };
  return {
    events,
    decoding,
    running,
    encode: () => encodeStates(() => runner, imported, encoder, items),
  };
}

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);
process.on('unhandledRejection', note);
afterEach(() => {
  expect(unhandled.splice(0)).toEqual([]);
});

describe('encodeStates', () => {
  it('decodes the next batch while one is computed, and waits with the one behind it', async () => {
    const { events, decoding, running, encode } = stage();
    const states = encode();
    decoding[0]!.resolve();
    await settled();
    expect(events.splice(0).toSorted()).toEqual(['decode 0', 'decode 1', 'decoded 0', 'run 0']);
    decoding[1]!.resolve();
    await settled();
    expect(events.splice(0)).toEqual(['decoded 1']); // the first still runs
    running[0]!.resolve();
    await settled();
    expect(events.splice(0).toSorted()).toEqual(['decode 2', 'ran 0', 'run 1']);
    for (const each of [...decoding, ...running]) each.resolve();
    expect([...(await states).tensors[0]!]).toEqual([10, 11, 12, 13]);
  });

  it('fails with the run that failed, and leaves no failure of the next batch unheard', async () => {
    const { events, decoding, running, encode } = stage();
    const states = encode();
    const outcome = expect(states).rejects.toThrow('of the run');
    decoding[0]!.resolve();
    await settled();
    decoding[1]!.reject(new Error('of a damaged picture'));
    await settled();
    running[0]!.reject(new Error('of the run'));
    await outcome;
    await settled();
    expect(events).not.toContain('decode 2');
  });

  it('fails with a picture that cannot be decoded when it is its turn', async () => {
    const { events, decoding, running, encode } = stage();
    const states = encode();
    const outcome = expect(states).rejects.toThrow('of a damaged picture');
    decoding[0]!.resolve();
    decoding[1]!.reject(new Error('of a damaged picture'));
    await settled();
    expect(events).toContain('run 0');
    running[0]!.resolve();
    await outcome;
    expect(events).toContain('ran 0');
  });

  it('keeps several lanes busy, and decodes a batch for each ahead of them', async () => {
    const { events, decoding, running, encode } = stage(() => 2);
    const states = encode();
    for (const each of decoding) each.resolve();
    await settled();
    expect(events.filter((event) => event.startsWith('run '))).toEqual(['run 0', 'run 1']);
    expect(events).toContain('decoded 3');
    running[1]!.resolve(); // the later one is done first
    await settled();
    expect(events.filter((event) => event.startsWith('run '))).toEqual(['run 0', 'run 1', 'run 2']);
    for (const each of running) each.resolve();
    expect([...(await states).tensors[0]!]).toEqual([10, 11, 12, 13]);
    expect(events.filter((event) => event.startsWith('decode '))).toHaveLength(4);
  });

  it('ends with the lane that failed, when the other is at rest', async () => {
    const { events, decoding, running, encode } = stage(() => 2);
    const states = encode();
    let ended = false;
    const outcome = expect(states.finally(() => (ended = true))).rejects.toThrow('of the run');
    for (const each of decoding) each.resolve();
    await settled();
    running[0]!.reject(new Error('of the run'));
    await settled();
    expect(ended).toBe(false);
    running[1]!.resolve();
    await outcome;
    expect(events).not.toContain('run 2');
  });

  it('takes lanes that are added while it is under way', async () => {
    let lanes = 1;
    const { events, decoding, running, encode } = stage(() => lanes);
    const states = encode();
    for (const each of decoding) each.resolve();
    await settled();
    expect(events).not.toContain('run 1');
    lanes = 2;
    running[0]!.resolve();
    await settled();
    expect(events.filter((event) => event.startsWith('run '))).toEqual(['run 0', 'run 1', 'run 2']);
    for (const each of running) each.resolve();
    expect([...(await states).tensors[0]!]).toEqual([10, 11, 12, 13]);
  });
});
