import fc from 'fast-check';
import { kmeans as mlKmeans } from 'ml-kmeans';
import { describe, expect, it } from 'vitest';

import type { Progress } from '../../../src/core/progress.js';
import { Rng } from '../../../src/core/rng.js';
import { kMeans, lloyd } from '../../../src/eval/cluster/kmeans.js';
import { seedCentres } from '../../../src/eval/cluster/seeding.js';
import { readGolden, relativeError, values, type GoldenArray } from '../../support/golden.js';

interface Golden {
  readonly cases: {
    readonly kmeans: readonly {
      name: string;
      rows: GoldenArray;
      labels: string[];
      clusters: number;
      inertia: number;
    }[];
  };
}
const { kmeans } = (readGolden('protocols/cluster.json') as Golden).cases;

const featuresOf = ({ rows }: { rows: GoldenArray }) => ({
  rows: Float32Array.from(values(rows)),
  dims: rows.shape[1]!,
});

/** Rows of two values, from a list of pairs. */
const plane = (...points: readonly (readonly [number, number])[]) => ({
  rows: Float32Array.from(points.flat()),
  dims: 2,
});
const points = fc.array(fc.tuple(fc.integer({ min: -20, max: 20 }), fc.integer({ min: -20, max: 20 })), {
  minLength: 3,
  maxLength: 25,
});

describe('k-means', () => {
  it.each(kmeans)("is as good as the best of scikit-learn's 50 runs: $name", async (golden) => {
    const { inertia, converged } = await kMeans(featuresOf(golden), { clusters: golden.clusters, seed: 1 });
    expect(converged).toBe(true);
    expect(inertia / golden.inertia).toBeLessThan(1.02);
    expect(inertia / golden.inertia).toBeGreaterThan(1 - 1e-6);
  });

  it('goes the way of ml-kmeans from the same centres', async () => {
    for (const golden of kmeans) {
      const { rows, dims } = featuresOf(golden);
      const exact = Float64Array.from(rows);
      for (let seed = 0; seed < 5; seed++) {
        const start = seedCentres(exact, dims, golden.clusters, Rng.stream(seed, 'test'));
        const lists = (flat: Float64Array): number[][] =>
          Array.from({ length: flat.length / dims }, (_, i) => [...flat.subarray(i * dims, (i + 1) * dims)]);
        const reference = mlKmeans(lists(exact), golden.clusters, {
          initialization: lists(start),
          maxIterations: 1000,
          tolerance: 0,
        });
        const own = await lloyd({ rows: exact, dims }, start, 1000);
        expect([...own.clusters]).toEqual(reference.clusters);
        expect(relativeError(own.centres, reference.centroids.flat())).toBeLessThan(1e-12);
      }
    }
  });

  it('ends where each row is at its nearest centre and each centre at the mean of its rows', async () => {
    await fc.assert(
      fc.asyncProperty(points, fc.integer({ min: 1, max: 3 }), async (some, clusters) => {
        const features = plane(...some);
        const found = await kMeans(features, { clusters, seed: 3, restarts: 2 });
        const distances = some.map(([x, y]) =>
          Array.from(
            { length: clusters },
            (_, c) => (x - found.centres[2 * c]!) ** 2 + (y - found.centres[2 * c + 1]!) ** 2,
          ),
        );
        let inertia = 0;
        distances.forEach((row, i) => {
          expect(row[found.clusters[i]!]! - Math.min(...row)).toBeLessThan(1e-9);
          inertia += row[found.clusters[i]!]!;
        });
        expect(found.inertia).toBeCloseTo(inertia, 8);
        for (let c = 0; c < clusters; c++) {
          const own = some.filter((_, i) => found.clusters[i] === c);
          if (own.length === 0) continue;
          expect(own.reduce((sum, [x]) => sum + x, 0) / own.length).toBeCloseTo(found.centres[2 * c]!, 9);
        }
      }),
      { seed: 4, numRuns: 60 },
    );
  });

  it('leaves no cluster empty while there are different rows for it', async () => {
    const data = plane([0, 0], [0, 0], [0, 0], [9, 9], [9, 8], [-5, 7]);
    // The second and third centre are nobody's nearest.
    const start = Float64Array.of(1, 1, 500, 500, 600, 600);
    const { clusters } = await lloyd({ rows: Float64Array.from(data.rows), dims: 2 }, start, 100);
    expect(new Set(clusters).size).toBe(3);
    expect(clusters[0]).toBe(clusters[1]);
  });

  it('gives an empty cluster the farthest row that does not stand alone', async () => {
    // The row at 50 is the farthest from its centre, 90, but its only one; 9 comes next.
    const rows = Float64Array.of(0, 0.5, 1, 9, 50);
    const { clusters, centres } = await lloyd({ rows, dims: 1 }, Float64Array.of(0.5, 90, 1000), 1);
    expect([...centres]).toEqual([0.5, 50, 9]);
    expect([...clusters]).toEqual([0, 0, 0, 2, 1]);
  });

  it('takes more clusters than different rows', async () => {
    const found = await kMeans(plane([1, 1], [1, 1], [2, 2]), { clusters: 3, seed: 1 });
    expect(found.inertia).toBe(0);
    expect(found.clusters[0]).not.toBe(found.clusters[2]);
  });

  it('has the same result for the same seed, and the best run of more', async () => {
    const features = featuresOf(kmeans[1]!);
    const options = { clusters: 12, seed: 7 };
    expect(await kMeans(features, options)).toEqual(await kMeans(features, options));
    const inertias = await Promise.all(
      [1, 2, 8].map(async (restarts) => (await kMeans(features, { ...options, restarts })).inertia),
    );
    expect(inertias).toEqual([...inertias].sort((a, b) => b - a));
    expect(inertias[2]).toBeLessThan(inertias[0]!);
    expect((await kMeans(features, { ...options, seed: 99, restarts: 1 })).inertia).not.toBe(inertias[0]);
  });

  it('says when it ran out of iterations', async () => {
    const features = featuresOf(kmeans[1]!);
    const { converged, iterations } = await kMeans(features, { clusters: 20, seed: 1, restarts: 1, maxIterations: 1 });
    expect({ converged, iterations }).toEqual({ converged: false, iterations: 1 });
  });

  it('tells how many runs are done', async () => {
    const told: Progress[] = [];
    await kMeans(plane([0, 0], [1, 1]), {
      clusters: 2,
      seed: 1,
      restarts: 2,
      onProgress: (progress) => told.push(progress),
    });
    expect(told.map(({ done, total }) => [done, total])).toEqual([
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
  });

  it('goes through more rows than a block holds', async () => {
    const n = 8192 + 100;
    const rows = Float32Array.from({ length: n }, (_, i) => (i % 3) * 10);
    const { clusters, inertia } = await kMeans({ rows, dims: 1 }, { clusters: 3, seed: 1 });
    expect(inertia).toBe(0);
    expect(new Set(Array.from({ length: n }, (_, i) => `${i % 3} ${clusters[i]!}`)).size).toBe(3);
  });
});

describe('k-means refuses', () => {
  const two = plane([0, 0], [1, 1]);

  it.each([
    ['no clusters', two, { clusters: 0 }, 'INVALID_ARGUMENT'],
    ['more clusters than rows', two, { clusters: 3 }, 'INVALID_ARGUMENT'],
    ['half a cluster', two, { clusters: 1.5 }, 'INVALID_ARGUMENT'],
    ['no runs', two, { clusters: 1, restarts: 0 }, 'INVALID_ARGUMENT'],
    ['no iterations', two, { clusters: 1, maxIterations: 0 }, 'INVALID_ARGUMENT'],
    ['no rows', plane(), { clusters: 1 }, 'INVALID_ARGUMENT'],
    ['NaN', plane([0, NaN]), { clusters: 1 }, 'INVALID_VECTOR'],
  ])('%s', async (_, features, options, code) => {
    await expect(kMeans(features, { seed: 1, ...options })).rejects.toMatchObject({ code });
  });
});

describe('seeding', () => {
  it('draws rows, each of a different place while there are any', () => {
    const data = Float64Array.of(0, 0, 0, 5, 5, 9);
    for (let seed = 0; seed < 50; seed++) {
      expect([...seedCentres(data, 1, 3, Rng.stream(seed, 'test'))].sort((a, b) => a - b)).toEqual([0, 5, 9]);
    }
    expect(seedCentres(data, 1, 5, Rng.stream(1, 'test'))).toHaveLength(5);
  });

  it('draws by squared distance', () => {
    // From 0 the others have the weights 1 and 9, and −3 leaves less. Two draws miss it with a chance of 1/100.
    const data = Float64Array.of(0, 1, -3);
    const drawn = Array.from({ length: 6000 }, (_, seed) => seedCentres(data, 1, 2, Rng.stream(seed, 'test')));
    const fromZero = drawn.filter(([first]) => first === 0);
    const missed = fromZero.filter(([, second]) => second === 1).length / fromZero.length;
    expect(Math.abs(fromZero.length / 6000 - 1 / 3)).toBeLessThan(0.03);
    expect(missed).toBeGreaterThan(0.003);
    expect(missed).toBeLessThan(0.02);
  });

  it('takes of its draws the one that leaves the least', () => {
    // From 0, the rows at 2 have the weights 9·4 together, the one at 5 has 25.
    const data = Float64Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 5);
    const drawn = Array.from({ length: 3000 }, (_, seed) => seedCentres(data, 1, 2, Rng.stream(seed, 'test')));
    const fromZero = drawn.filter(([first]) => first === 0);
    const far = fromZero.filter(([, second]) => second === 5).length / fromZero.length;
    // One draw takes 5 with 25/61; it leaves 36 and 2 leaves 9, so that both draws must take it.
    expect(Math.abs(far - (25 / 61) ** 2)).toBeLessThan(0.04);
  });
});
