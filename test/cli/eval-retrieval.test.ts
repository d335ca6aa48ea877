import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workspace } from './support.js';

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

describe('eval retrieval', () => {
  it('ranks the whole pool by every feature set', async () => {
    const argv = ['eval', 'retrieval', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl'];
    const { code, json } = await workspace.fungi([...argv, '--features', 'embedding,kl', '--seeds', '2', '--json']);
    expect(code).toBe(0);
    const { summary, queriesWithoutRelevant } = json() as { summary: Summary[]; queriesWithoutRelevant: number };
    expect(queriesWithoutRelevant).toBe(0);
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
