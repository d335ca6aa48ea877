import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { InTurn } from '../../../src/server/indexes/in-turn.js';

interface Asked {
  readonly number: number;
  readonly leaver: AbortController;
  /** Of the work: undefined until it is its turn. */
  end?: () => void;
  outcome?: string;
}

it('one at a time, in the order in which they came, whoever leaves or fails and whenever', async () => {
  const step = fc.record({
    kind: fc.constantFrom('ask', 'ask', 'end', 'leave'),
    which: fc.nat(5),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const most = 3;
      const turns = new InTurn(most);
      const all: Asked[] = [];
      const present = (): Asked[] => all.filter(({ outcome }) => outcome === undefined);
      const started: number[] = [];
      const check = (): void => {
        const now = present();
        // The first who has not left is at work, and nobody else.
        expect(now.filter(({ end }) => end !== undefined)).toEqual(now.slice(0, 1));
        expect(started).toEqual(started.toSorted((x, y) => x - y));
      };
      for (const { kind, which } of steps) {
        if (kind === 'ask') {
          const isFull = present().length > most;
          const one: Asked = { number: all.length, leaver: new AbortController() };
          all.push(one);
          const work = (): Promise<string> =>
            new Promise((resolve) => {
              started.push(one.number);
              one.end = () => {
                resolve('done');
              };
            });
          turns.run(one.leaver.signal, work).then(
            (outcome) => (one.outcome = outcome),
            (error: unknown) => (one.outcome = FungiError.is(error) ? error.code : String(error)),
          );
          await turn();
          if (isFull) expect(one.outcome).toBe('OVERLOADED');
        } else {
          const now = present();
          const one = now[which % Math.max(1, now.length)];
          if (kind === 'leave') {
            // Work under way ends by itself; it is the waiting that ends.
            one?.leaver.abort(new FungiError('ABORTED', 'left'));
            await turn();
            if (one !== undefined && one.end === undefined) expect(one.outcome).toBe('ABORTED');
          } else now[0]?.end?.();
          await turn();
        }
        check();
      }
      for (let left = present(); left.length > 0; left = present()) {
        left[0]!.end!();
        await turn();
      }
      expect((turns as unknown as { length: number }).length).toBe(0);
    }),
    { numRuns: 100 },
  );
});

it('work that fails leaves the next its turn', async () => {
  const turns = new InTurn(1);
  const { signal } = new AbortController();
  const failed = turns.run(signal, () => Promise.reject(new Error('no')));
  const next = turns.run(signal, () => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
});
