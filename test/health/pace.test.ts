import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { Pace } from '../../src/health/pace.js';
import { pacedSearch, searchEach } from '../../src/health/paced-search.js';
import { poolHealth } from '../../src/health/pool-health.js';
import { voteK } from '../../src/health/vote-k.js';
import { ExactSearch, type Neighbour } from '../../src/retrieve/exact-search.js';
import { poolOf, type Row } from './support.js';

/** Turns that others have while `work` goes on. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let [turns, isOver] = [0, false];
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

const pointOf = (item: string): number[] => item.split(',').map(Number);
const encode = (items: readonly string[]): Promise<Float32Array> =>
  Promise.resolve(Float32Array.from(items.flatMap(pointOf)));

/** Rows of so many dimensions, anywhere, and items that are such points. */
function cloud(rows: number, dims: number) {
  const rng = Rng.stream(7, 'cloud');
  const point = (): number[] => Array.from({ length: dims }, () => rng.float());
  const pool = poolOf(Array.from({ length: rows }, (_, i): Row => [point(), `label ${i % 5}`]));
  return { pool, items: (count: number) => Array.from({ length: count }, () => point().join(',')) };
}

describe('a pace', () => {
  it('takes every step, in order, and rests when a slice is over', async () => {
    for (const sliceMs of [0, 1e9]) {
      const steps: number[] = [];
      const turns = await turnsDuring(() =>
        new Pace({ sliceMs }).each(50, (i) => {
          steps.push(i);
        }),
      );
      expect(steps).toEqual([...steps.keys()]);
      expect(steps).toHaveLength(50);
      if (sliceMs === 0) expect(turns).toBeGreaterThanOrEqual(50);
      else expect(turns).toBeLessThan(3);
    }
  });

  it('ends with what its check throws', async () => {
    const stop = new Error('enough');
    let rests = 0;
    const check = (): void => {
      if (++rests === 3) throw stop;
    };
    const steps: number[] = [];
    const work = new Pace({ check, sliceMs: 0 }).each(50, (i) => {
      steps.push(i);
    });
    await expect(work).rejects.toBe(stop);
    expect(steps).toEqual([0, 1, 2]);
  });
});

describe('the health of a pool', () => {
  const { pool, items } = cloud(40, 3);
  const options = { k: 5, select: 10, queries: items(5), unlabelled: items(30) };

  it('can be called off at any rest, and nothing goes on then', async () => {
    let all = 0;
    await poolHealth(pool, options, { encode, pace: new Pace({ sliceMs: 0, check: () => all++ }) });
    expect(all).toBeGreaterThan(40);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: all }), async (last) => {
        const stop = new Error('enough');
        let rests = 0;
        const check = (): void => {
          if (++rests >= last) throw stop;
        };
        await expect(poolHealth(pool, options, { encode, pace: new Pace({ sliceMs: 0, check }) })).rejects.toBe(stop);
        expect(rests).toBe(last);
      }),
      { numRuns: 40 },
    );
  });

  it('is the same at any pace', async () => {
    const [slow, fast] = await Promise.all(
      [0, 1e9].map((sliceMs) => poolHealth(pool, options, { encode, pace: new Pace({ sliceMs }) })),
    );
    expect(slow).toEqual(fast);
  });

  it('can be called off while it chooses what to label next', async () => {
    const stop = new Error('enough');
    let rests = 0;
    const check = (): void => {
      if (++rests === 20) throw stop;
    };
    // Everybody votes for the first: each choice looks at all of them.
    const graph = { candidates: Array.from({ length: 12 }, (_, i) => (i === 0 ? [1] : [0])), pooled: Array<number>(12).fill(0) }; // prettier-ignore
    await expect(voteK(graph, 12, new Pace({ sliceMs: 0, check }))).rejects.toBe(stop);
  });

  it.each<[string, number]>([
    ['equal', 1],
    ['zero', 0],
  ])('rests within a search where rows are %s, so that none can be left out', async (_, value) => {
    const [rows, dims, metric] = [3000, 64, 'cosine'] as const;
    const vectors = new Float32Array(rows * dims).fill(value);
    const queries = vectors.subarray(0, 32 * dims);
    const [whole] = await (await ExactSearch.create(vectors, { rows, dims, metric })).search(queries, 5);
    const found: (readonly Neighbour[])[] = [];
    let rests = 0;
    const pace = new Pace({ check: () => rests++ });
    const paced = await pacedSearch(vectors, { rows, dims, metric }, pace);
    const turns = await turnsDuring(() => searchEach(paced, queries, 5, (near) => found.push(near)));
    expect(found).toEqual(Array<unknown>(32).fill(whole));
    expect(whole!.map(({ row }) => row)).toEqual([0, 1, 2, 3, 4]);
    // The 3,000 rows of two queries are a piece when they are gathered, and one more when their distances are computed.
    expect(rests).toBeGreaterThanOrEqual(32);
    expect(turns).toBeGreaterThanOrEqual(32);
    // Nothing goes on when it is called off within the search.
    const stop = new Error('enough');
    let left = 10;
    const check = (): void => {
      if (--left === 0) throw stop;
    };
    const ended = searchEach({ ...paced, pace: new Pace({ check }) }, queries, 5, () => {
      throw new Error('no query is done yet');
    });
    await expect(ended).rejects.toBe(stop);
    expect(left).toBe(0);
  });

  it('leaves the event loop to others all along', async () => {
    const { pool, items } = cloud(3000, 96);
    const options = { k: 100, select: 200, queries: items(200), unlabelled: items(1000) };
    const now = (): number => {
      const { user, system } = process.cpuUsage(); // not the time that other processes take
      return (user + system) / 1000;
    };
    await poolHealth(cloud(300, 96).pool, {}, { encode }); // warm
    const began = now();
    let [last, longest, isOver] = [now(), 0, false];
    const tick = (): void => {
      longest = Math.max(longest, now() - last);
      last = now();
      if (!isOver) setImmediate(tick);
    };
    setImmediate(tick);
    await poolHealth(pool, options, { encode });
    isOver = true;
    const whole = now() - began;
    expect(whole).toBeGreaterThan(300);
    expect(longest).toBeLessThan(whole / 12);
  });
});
