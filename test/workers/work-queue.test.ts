import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkQueue, type Work, type WorkClass } from '../../src/workers/work-queue.js';

interface Numbered extends Work {
  readonly number: number;
}

const work = (number: number, tokens = 1, kind: WorkClass = 'query', source = 'a', since = number): Numbered => ({
  number,
  source,
  kind,
  tokens,
  since,
  refuse: (error) => {
    throw error;
  },
});

const LIMITS = { batchTokens: 10, queueTokens: 1e6, maxWaitMs: 1e6 };

const queueOf = (works: readonly Numbered[], limits = LIMITS): WorkQueue<Numbered> => {
  const queue = new WorkQueue<Numbered>(limits, () => 0);
  for (const each of works) queue.add(each);
  return queue;
};

const drained = (queue: WorkQueue<Numbered>): Numbered[][] => {
  const batches: Numbered[][] = [];
  for (let batch = queue.take(); batch.length > 0; batch = queue.take()) batches.push(batch);
  return batches;
};

const works = fc.array(
  fc.record({
    tokens: fc.integer({ min: 1, max: 15 }),
    kind: fc.constantFrom<WorkClass>('query', 'bulk'),
    source: fc.constantFrom('a', 'b', 'c'),
  }),
  { maxLength: 60 },
);

describe('what waits', () => {
  it('is taken once, within the budget, by source, in order of arrival (property)', () => {
    fc.assert(
      fc.property(works, (given) => {
        const added = given.map(({ tokens, kind, source }, i) => work(i, tokens, kind, source));
        const queue = queueOf(added);
        const batches = drained(queue);
        expect(
          batches
            .flat()
            .map(({ number }) => number)
            .sort((a, b) => a - b),
        ).toEqual(added.map((_, i) => i));
        for (const batch of batches) {
          expect(new Set(batch.map(({ source, kind }) => `${source} ${kind}`)).size).toBe(1);
          const tokens = batch.reduce((sum, each) => sum + each.tokens, 0);
          expect(batch.length === 1 || tokens <= LIMITS.batchTokens).toBe(true);
        }
        for (const source of ['a', 'b', 'c']) {
          for (const kind of ['query', 'bulk']) {
            const order = batches.flat().filter((each) => each.source === source && each.kind === kind);
            expect(order).toEqual([...order].sort((x, y) => x.number - y.number));
          }
        }
        expect([queue.tokens, queue.size]).toEqual([0, 0]);
      }),
    );
  });

  it('counts what is dropped as gone (property)', () => {
    fc.assert(
      fc.property(works, fc.array(fc.nat(60)), (given, dropped) => {
        const added = given.map(({ tokens, kind, source }, i) => work(i, tokens, kind, source));
        const queue = queueOf(added);
        const gone = new Set<number>();
        for (const at of dropped) {
          const each = added[at];
          if (each === undefined) continue;
          expect(queue.drop(each)).toBe(!gone.has(at));
          gone.add(at);
        }
        const left = added.filter((_, i) => !gone.has(i));
        expect(queue.tokens).toBe(left.reduce((sum, { tokens }) => sum + tokens, 0));
        expect(new Set(drained(queue).flat())).toEqual(new Set(left));
      }),
    );
  });

  it('lets queries go first, and examples have a turn after eight runs of queries', () => {
    const queries = Array.from({ length: 10 }, (_, i) => work(100 + i, 10));
    const queue = queueOf([work(1, 1, 'bulk'), ...queries]);
    const kinds = drained(queue).map(([first]) => first!.kind);
    expect(kinds).toEqual([...Array<string>(8).fill('query'), 'bulk', 'query', 'query']);
  });

  it('refuses a query whose wait would be too long at the pace of the last runs, and no example', () => {
    const queue = queueOf([work(1, 90)], { ...LIMITS, maxWaitMs: 80 });
    queue.add(work(2, 5)); // nobody knows the pace yet
    queue.done(10, 10);
    expect(() => {
      queue.add(work(3));
    }).toThrow(/longer than 80 ms/);
    queue.add(work(4, 1, 'bulk'));
    expect(queue.tokens).toBe(96);
  });

  it('takes what is larger than the queue when nothing waits', () => {
    const queue = queueOf([work(1, 100)], { ...LIMITS, queueTokens: 10 });
    expect(() => {
      queue.add(work(2));
    }).toThrow(/100 tokens are waiting/);
    expect(queue.take().map(({ number }) => number)).toEqual([1]);
  });
});
