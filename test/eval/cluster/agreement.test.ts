import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { clusterAgreement } from '../../../src/eval/cluster/agreement.js';
import { clusterProbe } from '../../../src/eval/cluster/cluster-probe.js';
import { readGolden, values, type GoldenArray } from '../../support/golden.js';

interface Golden {
  readonly cases: {
    readonly agreement: readonly {
      name: string;
      truth: string[];
      clusters: number[];
      accuracy: number;
      nmi: number;
      ari: number;
    }[];
    readonly kmeans: readonly { name: string; rows: GoldenArray; labels: string[]; clusters: number }[];
  };
}
const { agreement, kmeans } = (readGolden('protocols/cluster.json') as Golden).cases;
const invalid = expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error;

describe('agreement of clusters and classes', () => {
  it.each(agreement)('is as scikit-learn and scipy have it: $name', ({ truth, clusters, ...expected }) => {
    const own = clusterAgreement(truth, clusters);
    expect(own.accuracy).toBeCloseTo(expected.accuracy, 12);
    expect(own.nmi).toBeCloseTo(expected.nmi, 12);
    expect(own.ari).toBeCloseTo(expected.ari, 12);
  });

  it.each(agreement)('matches each class once, and to that accuracy: $name', ({ truth, clusters }) => {
    const { accuracy, classOf } = clusterAgreement(truth, clusters);
    expect(new Set(classOf.values()).size).toBe(classOf.size);
    expect(classOf.size).toBe(Math.min(new Set(truth).size, new Set(clusters).size));
    expect(truth.filter((label, i) => classOf.get(clusters[i]!) === label).length / truth.length).toBe(accuracy);
  });

  it('does not depend on the names of clusters, and is 1 for the classes themselves', () => {
    const items = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 3 })), {
      minLength: 1,
      maxLength: 30,
    });
    fc.assert(
      fc.property(items, fc.shuffledSubarray([7, 3, 9, 1], { minLength: 4 }), (some, names) => {
        const truth = some.map(([label]) => label);
        const own = clusterAgreement(
          truth,
          some.map(([, cluster]) => cluster),
        );
        const renamed = clusterAgreement(
          truth,
          some.map(([, cluster]) => names[cluster]!),
        );
        expect(renamed.accuracy).toBe(own.accuracy);
        expect(renamed.nmi).toBeCloseTo(own.nmi, 12);
        expect(renamed.ari).toBeCloseTo(own.ari, 12);
        const same = clusterAgreement(
          truth,
          truth.map((label) => 'cab'.indexOf(label)),
        );
        expect(same.accuracy).toBe(1);
        expect(same.nmi).toBeCloseTo(1, 12);
        expect(same.ari).toBeCloseTo(1, 12);
      }),
      { seed: 5 },
    );
  });

  it('needs items, and a cluster for each', () => {
    expect(() => clusterAgreement([], [])).toThrow(invalid);
    expect(() => clusterAgreement(['a', 'b'], [1])).toThrow(invalid);
  });
});

describe('the cluster probe', () => {
  const { rows, labels, clusters } = kmeans[0]!;
  const features = { rows: Float32Array.from(values(rows)), dims: rows.shape[1]!, labels };

  it('finds classes that lie apart', async () => {
    const { accuracy, nmi, ari, clustering } = await clusterProbe(features, { seed: 1 });
    expect(clustering.centres).toHaveLength(clusters * features.dims);
    expect([accuracy, nmi, ari]).toEqual([1, expect.closeTo(1, 12), expect.closeTo(1, 12)]);
  });

  it('scores what it clustered', async () => {
    const shuffled = { ...features, labels: labels.map((label, i) => (i % 4 === 0 ? labels[0]! : label)) };
    const { clustering, ...scores } = await clusterProbe(shuffled, { seed: 1 });
    expect(scores).toEqual(clusterAgreement(shuffled.labels, clustering.clusters));
    expect(scores.accuracy).toBeLessThan(1);
  });

  it('refuses one label, and fewer labels than rows', async () => {
    await expect(clusterProbe({ ...features, labels: labels.map(() => 'a') }, { seed: 1 })).rejects.toMatchObject({
      code: 'INVALID_DATA',
    });
    await expect(clusterProbe({ ...features, labels: labels.slice(1) }, { seed: 1 })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
    });
  });
});
