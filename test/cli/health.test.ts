import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HealthReport } from '../../src/health/pool-health.js';
import { EXAMPLES, jsonl, Workspace } from './support.js';

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const pets = [...EXAMPLES, { text: 'The  cat sat', label: 'dog' }, { text: 'a DOG', label: 'dog' }];
  await workspace.write({
    'pets.jsonl': jsonl(pets),
    'new.jsonl': jsonl(['a cat', 'b c d', 'd c b', 'the the cat'].map((text) => ({ text }))),
  });
  await workspace.fungi(['index', 'pets', '--data', '@pets.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
});
afterAll(() => workspace.remove());

describe('fungi health', () => {
  it('prints a report as JSON', async () => {
    const { code, json } = await workspace.fungi(
      ['health', 'pets', '-k', '3', '--top', '2', '--unlabelled', '@new.jsonl', '--queries', '@test.jsonl', '--json'], // prettier-ignore
    );
    expect(code).toBe(0);
    const report = json() as HealthReport & { readonly index: string };
    expect(report).toMatchObject({ index: 'pets', rows: 14, labelCount: 2, k: 3 });
    expect(report.duplicates.equal).toMatchObject({ conflicting: { count: 1 }, agreeing: { count: 1 }, spare: 1 });
    expect(report.doubts.byReason['same-item']).toBe(1);
    expect(report.next).toMatchObject({ candidates: 3, known: 1 });
    expect(report.drift).toMatchObject({ queries: 6, beyond: { share: 0 } });
  });

  it('tells people each finding with its way out, and what it lacks', async () => {
    const { code, stdout } = await workspace.fungi(['health', 'pets', '-k', '3', '--quiet']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^index "pets": 14 examples, 2 labels, each example judged by its 3 nearest others\n/);
    expect(stdout).toMatch(/\ndoubted labels: \d+ of 14, .*1 because the same item has another label/);
    expect(stdout).toMatch(/1 group with several labels, 1 with one \(1 example to spare\)/);
    expect(stdout).toMatch(/way out: .*selector\.remove/);
    expect(stdout).toMatch(/what to label next: needs items without a label\nway out: --unlabelled FILE/);
    expect(stdout).toMatch(/drift: needs queries of late\nway out: --queries FILE/);
    expect(stdout).not.toMatch(/NaN|undefined|null/);
    const full = await workspace.fungi(
      ['health', 'pets', '--unlabelled', '@new.jsonl', '--queries', '@new.jsonl', '--quiet'], // prettier-ignore
    );
    expect(full.stdout).toMatch(/what to label next: 3 of 3 items; 1 more are known or given twice/);
    expect(full.stdout).toMatch(/the best first, by score: .*\n *score +nearest +its label +text\n/);
    expect(full.stdout).toMatch(/drift: [\d.]+ % \([\d.]+ to [\d.]+\) of 4 queries/);
  });

  it.each([
    ['an index that is none', ['none'], 5, /INDEX_NOT_FOUND/],
    ['a file that is not there', ['pets', '--queries', '@none.jsonl'], 3, /FILE_NOT_FOUND/],
    ['a distance beyond 2', ['pets', '--near-distance', '2.5'], 2, /It must be a number from 0 to 2/],
    ['a number to select from nothing', ['pets', '--select', '5'], 2, /--select 5: .*\nhint: .*--unlabelled FILE/],
    ['k beyond 200', ['pets', '-k', '201'], 2, /It must be a whole number from 1 to 200/],
  ])('refuses %s', async (_, argv, exit, message) => {
    const { code, stderr } = await workspace.fungi(['health', ...argv]);
    expect(stderr).toMatch(message);
    expect(code).toBe(exit);
  });
});
