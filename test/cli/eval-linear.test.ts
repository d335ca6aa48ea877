import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

const LINEAR = [
  ...['eval', 'linear', '--encoder', 'MODEL', '--train', '@train.jsonl', '--test', '@test.jsonl'],
  ...['--throughput-texts', '0'],
];

interface Row {
  readonly features: string;
  readonly accuracy: number;
  readonly measures: { readonly l2: number; readonly converged: number; readonly iterations: number };
}

describe('eval linear', () => {
  it('fits every feature set, and tells which penalty was chosen and whether the fit converged', async () => {
    const { code, stdout, stderr, json } = await workspace.fungi([...LINEAR, '--features', 'embedding,kl', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { results, protocol } = JSON.parse(stdout) as { results: Row[]; protocol: string };
    expect(json()).toMatchObject({ protocol: 'linear', iterations: 300 });
    expect(protocol).toBe('linear');
    expect(results.map(({ features }) => features)).toEqual(['embedding', 'kl']);
    for (const { measures, accuracy } of results) {
      expect(measures.converged).toBe(1);
      expect([5e-6, 1.2875e-4, 2.525e-4, 3.7625e-4, 5e-4]).toContain(measures.l2);
      // The test rows are six of the twelve it was fitted on, and the labels are in the words.
      expect(accuracy).toBe(1);
    }
  });

  it('warns when a fit was cut short', async () => {
    const { code, stderr, stdout } = await workspace.fungi([...LINEAR, '--features', 'embedding', '--iterations', '1']);
    expect(code).toBe(0);
    expect(stderr).toContain('1 of 1 fits had not converged after 1 iterations');
    expect(stdout).toMatch(/converged/);
  });

  it('says what it needs where a class has a single row', async () => {
    const { code, stderr } = await workspace.fungi([...LINEAR, '--features', 'embedding', '--shots', '1']);
    expect(code).toBe(2);
    expect(stderr).toContain('--shots 1 leaves one of each');
  });
});
