import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const CLUSTER = ['eval', 'cluster', '--encoder', 'MODEL', '--test', '@cats.jsonl', '--throughput-texts', '0'];

describe('eval cluster', () => {
  it('gives accuracy, NMI and ARI of every feature set and seed', async () => {
    const argv = ['eval', 'cluster', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@train.jsonl'];
    const more = ['--throughput-texts', '0', '--features', 'embedding,kl', '--seeds', '2'];
    const { code, json } = await workspace.fungi([...argv, ...more, '--json']);
    expect(code).toBe(0);
    const { results } = json() as {
      results: { features: string; seed: number; accuracy: number; measures: { nmi: number; ari: number } }[];
    };
    expect(results).toHaveLength(4);
    for (const { accuracy, measures } of results) {
      expect(accuracy).toBeGreaterThanOrEqual(0.5); // two clusters of two labels cannot do worse when matched
      expect(measures.nmi).toBeGreaterThanOrEqual(0);
      expect(measures.ari).toBeLessThanOrEqual(1);
    }
    const { stdout } = await workspace.fungi([...argv, ...more]);
    expect(stdout).toMatch(/^features +accuracy % .* nmi +ari +dims/m);
  });

  it('says that one label makes no clusters', async () => {
    await workspace.write({ 'cats.jsonl': jsonl(EXAMPLES.slice(0, 4)) });
    const { code, stderr } = await workspace.fungi([...CLUSTER, '--train', '@train.jsonl', '--features', 'embedding']);
    expect(code).toBe(3);
    expect(stderr).toContain('two labels at least');
  });
});
