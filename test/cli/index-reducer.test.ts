/** `fungi index --reducer`: what an index says of its reduction, and when it is another index. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXAMPLES, jsonl, Workspace, type Outcome } from './support.js';

let workspace: Workspace;
const build = (...more: string[]): Promise<Outcome> =>
  workspace.fungi(['index', 'pets', '--encoder', 'MODEL', '--data', '@three.jsonl', '--dims', '6', ...more]);

beforeAll(async () => {
  workspace = await Workspace.create();
  const labels = ['cat', 'dog', 'bird'];
  await workspace.write({
    'three.jsonl': jsonl(EXAMPLES.map((example, i) => ({ ...example, label: labels[i % 3]! }))),
  });
});
afterAll(() => workspace.remove());

it('builds, describes and knows again an index by a blend', async () => {
  const built = await build('--reducer', 'blend', '--shrinkage', '0.2');
  expect(built.code).toBe(0);
  const { stdout } = await workspace.fungi(['indexes', 'describe', 'pets']);
  for (const text of [built.stdout, stdout]) {
    expect(text).toMatch(/^reduced to +6 dimensions: 2 by LDA, 4 by PCA, [\d.]+ % of the variance$/m);
    expect(text).toMatch(/^shrinkage +0\.2, given$/m);
    expect(text).toMatch(/^shares +of the LDA: 0\.5 to choose, 1 to vote$/m);
    expect(text).toMatch(/^metric +cosine$/m);
  }
  expect((await build('--reducer', 'blend', '--shrinkage', '0.2')).stdout).toContain('nothing to do');
  expect((await build('--reducer', 'blend', '--shrinkage', '0.2', '--metric', 'cosine')).stdout).toContain(
    'nothing to do',
  );
  const { code, stderr } = await build('--reducer', 'blend', '--dims', '5');
  expect(code).toBe(5);
  expect(stderr).toContain('  dims: 6 in the index, 5 asked for\n  shrinkage: 0.2 in the index, auto asked for\n');
});

it('replaces it by one of another kind only when told so', async () => {
  const refused = await build('--reducer', 'lda');
  expect(refused.code).toBe(5);
  expect(refused.stderr).toContain('reducer: blend in the index, lda asked for');
  const { stdout } = await build('--reducer', 'lda', '--force');
  expect(stdout).toMatch(/^reduced to +2 dimensions by LDA$/m);
  expect(stdout).toMatch(/^shrinkage +0\.\d+, auto/m);
  // There are no more than two directions between three labels.
  expect((await build('--reducer', 'lda', '--dims', '500')).stdout).toContain('nothing to do');
  expect((await build('--reducer', 'none', '--force')).stdout).toMatch(/^reduced to .*as the features are$/m);
});

it.each([
  [['--reducer', 'ica'], 'Allowed choices are auto, pca, lda, blend, none'],
  [['--reducer', 'lda', '--shrinkage', '2'], 'It must be a number from 0 to 1, or auto.'],
  [['--shrinkage', '0.5'], '--shrinkage 0.5 with --reducer auto, which takes none'],
  [['--reducer', 'pca', '--shrinkage', '0.5'], '--shrinkage 0.5 with --reducer pca, which takes none'],
  [['--reducer', 'blend', '--metric', 'l2'], 'metric l2 with a blend'],
  [['--metric', 'l2'], 'metric l2 with a blend'],
])('refuses %j', async (more, says) => {
  const { code, stderr } = await build(...more);
  expect(code).toBe(2);
  expect(stderr).toContain(says);
});
