import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const THROUGHPUT = ['eval', 'throughput', '--encoder', 'MODEL', '--data', '@train.jsonl'];

describe('eval throughput', () => {
  it('gives the speed of every set, and how it compares with the embedding', async () => {
    const { code, json } = await workspace.fungi([...THROUGHPUT, '--features', 'embedding,kl,only:kl', '--json']);
    expect(code).toBe(0);
    const { results, texts } = json() as {
      results: { features: string; textsPerSecond: number; timesEmbedding: number }[];
      texts: number;
    };
    expect(texts).toBe(12);
    const [embedding, kl, only] = results;
    expect(embedding!.timesEmbedding).toBe(1);
    expect(kl!.timesEmbedding).toBeCloseTo(embedding!.textsPerSecond / kl!.textsPerSecond, 9);
    expect(only).toEqual({ ...kl, features: 'only:kl' }); // the same work, timed once
  });

  it('times the embedding to compare with, where it is not asked for', async () => {
    const { code, stdout } = await workspace.fungi([...THROUGHPUT, '--features', 'kl', '--texts', '5']);
    expect(code).toBe(0);
    expect(stdout).toContain('5 texts');
    expect(stdout).toMatch(/^kl +\d+\.\d +\d+\.\d\d$/m);
    expect(stdout).not.toMatch(/^embedding/m);
  });
});
