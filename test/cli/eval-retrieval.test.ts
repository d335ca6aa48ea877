import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

interface Summary {
  readonly features: string;
  readonly meanAveragePrecision: number;
  readonly low: number;
  readonly high: number;
  readonly depths: readonly number[];
  readonly recall: readonly number[];
  readonly hit: readonly number[];
  readonly gain?: { readonly difference: number };
}

interface Row {
  readonly features: string;
  readonly shots: number | null;
  readonly seed: number;
  readonly pool: number;
  readonly n: number;
  readonly withoutRelevant: number;
  readonly meanAveragePrecision: number;
}

describe('eval retrieval', () => {
  const RETRIEVAL = ['eval', 'retrieval', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl'];

  it('draws pools of few shots, and gives a curve of several', async () => {
    const argv = [...RETRIEVAL, '--features', 'embedding,kl', '--shots', '1,2,all', '--seeds', '2'];
    const { code, json } = await workspace.fungi([...argv, '--json']);
    expect(code).toBe(0);
    const { results, summary, shots, sampling } = json() as { results: Row[]; summary: (Summary & { shots: number | null })[]; shots: unknown; sampling: unknown }; // prettier-ignore
    expect([shots, sampling]).toEqual([[1, 2, null], 'per-class']);
    expect(results.map((row) => `${row.features} ${row.shots} ${row.seed} ${row.pool}`)).toEqual(
      [
        [1, 2],
        [2, 4],
        [null, 12],
      ].flatMap(([count, pool]) =>
        [0, 1].flatMap((seed) => ['embedding', 'kl'].map((set) => `${set} ${count} ${seed} ${pool}`)),
      ),
    );
    // The seed draws other shots; the whole pool is that of every seed.
    const of = (count: number | null) => results.filter((row) => row.features === 'embedding' && row.shots === count).map((row) => row.meanAveragePrecision); // prettier-ignore
    expect(new Set(of(null)).size).toBe(1);
    for (const each of summary) {
      const own = results.filter((row) => row.features === each.features && row.shots === each.shots);
      const mean = own.reduce((sum, row) => sum + row.meanAveragePrecision, 0) / own.length;
      expect(each.meanAveragePrecision).toBeCloseTo(mean, 12);
    }
    const { stdout } = await workspace.fungi(argv);
    expect(stdout).toContain('1 shot per-class (2 rows), 2 shots per-class (4 rows), 2 seeds');
    for (const count of ['1', '2', 'all']) expect(stdout).toMatch(new RegExp(`^kl +${count} +\\d`, 'm'));
  });

  it('warns of texts that the encoder does not see the end of, and times features when asked', async () => {
    const long = Array.from({ length: 400 }, () => 'cat').join(' ');
    await workspace.write({ 'long.jsonl': jsonl([...EXAMPLES, { text: long, label: 'cat' }]) });
    const argv = ['eval', 'retrieval', '--encoder', 'MODEL', '--train', '@long.jsonl', '--test', '@test.jsonl'];
    const { stdout, stderr } = await workspace.fungi([...argv, '--features', 'embedding', '--throughput-texts', '3']);
    expect(stderr).toContain('warning: longer than the encoder reads, their ends not seen: 1 training row and 0 of 6 test rows'); // prettier-ignore
    expect(stdout).toMatch(/^features .* texts\/s$/m);
  });

  it('ranks the whole pool by every feature set', async () => {
    const argv = ['eval', 'retrieval', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl'];
    const { code, json } = await workspace.fungi([...argv, '--features', 'embedding,kl', '--seeds', '2', '--json']);
    expect(code).toBe(0);
    const { summary, results } = json() as { summary: Summary[]; results: Row[] };
    expect(results.map(({ features, seed }) => [features, seed])).toEqual([0, 1].flatMap((seed) => [['embedding', seed], ['kl', seed]])); // prettier-ignore
    expect(results.every(({ withoutRelevant, pool, n }) => withoutRelevant === 0 && pool === 12 && n === 6)).toBe(true);
    const [embedding, kl] = summary;
    expect(embedding).not.toHaveProperty('gain');
    expect(kl!.gain!.difference).toBeCloseTo(kl!.meanAveragePrecision - embedding!.meanAveragePrecision, 12);
    for (const { meanAveragePrecision, low, high, depths, recall, hit } of summary) {
      expect(low).toBeLessThanOrEqual(meanAveragePrecision);
      expect(high).toBeGreaterThanOrEqual(meanAveragePrecision);
      // Every query is in the pool itself, with its label; a depth beyond the pool finds all.
      expect(hit).toEqual(depths.map(() => 1));
      expect(recall[0]).toBeCloseTo(1 / 6, 12);
      expect(recall.at(-1)).toBe(1);
    }
    const { stdout } = await workspace.fungi([...argv, '--features', 'embedding', '--metric', 'cosine']);
    expect(stdout).toMatch(/^features +mAP % +95 % .* recall@1 .* hit@20 +dims/m);
    expect(stdout).toContain('cosine');
  });
});

describe('eval cka', () => {
  it('compares each set with each other, and with itself to 1', async () => {
    const argv = ['eval', 'cka', '--encoder', 'MODEL', '--data', '@train.jsonl', '--features', 'embedding,only:kl,kl'];
    const { code, json } = await workspace.fungi([...argv, '--json']);
    expect(code).toBe(0);
    const { matrix } = json() as { matrix: number[][] };
    matrix.forEach((row, i) => {
      expect(row[i]).toBe(1);
      row.forEach((value, j) => {
        expect(value).toBe(matrix[j]![i]);
        expect(value).toBeGreaterThan(0);
        expect(value).toBeLessThanOrEqual(1);
      });
    });
    // The joined set holds both of its parts.
    expect(matrix[2]![0]).toBeGreaterThan(matrix[1]![0]!);
    expect((await workspace.fungi(argv)).stdout).toMatch(/^embedding +1\.000 +0\.\d{3} /m);
  });
});
