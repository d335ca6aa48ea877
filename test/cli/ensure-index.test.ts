/** The model is loaded as seldom as can be: hundreds of megabytes may be read for it. */
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { EXAMPLES, jsonl, Workspace } from './support.js';

const loads = vi.hoisted(() => ({ count: 0 }));
vi.mock('../../src/selector/load-engine.js', async (original) => {
  const module = await original<typeof import('../../src/selector/load-engine.js')>();
  return {
    ...module,
    loadEngine: (options: Parameters<typeof module.loadEngine>[0]) => {
      loads.count++;
      return module.loadEngine(options);
    },
  };
});

let workspace: Workspace;
const build = (...more: string[]): ReturnType<Workspace['fungi']> =>
  workspace.fungi(['index', 'pets', '--encoder', 'MODEL', '--data', '@train.jsonl', ...more]);
beforeAll(async () => {
  workspace = await Workspace.create();
  await workspace.write({ 'fewer.jsonl': jsonl(EXAMPLES.slice(1)) });
  expect((await build()).code).toBe(0);
});
afterAll(() => workspace.remove());
beforeEach(() => {
  loads.count = 0;
});

it.each([
  ['the same again', [], 0],
  ['other settings, refused', ['--seed', '7'], 5],
  ['other settings, replaced', ['--seed', '7', '--force'], 0],
  ['other data, replaced', ['--seed', '7', '--data', '@fewer.jsonl', '--force'], 0],
])('once for %s', async (_, more, code) => {
  expect((await build(...more)).code).toBe(code);
  expect(loads.count).toBe(1);
});

it('tells that an index holds the data, and was built of others', async () => {
  const grown = (): ReturnType<Workspace['fungi']> =>
    workspace.fungi(['index', 'grown', '--encoder', 'MODEL', '--data', '@train.jsonl', '--losses', 'none']);
  const few = ['index', 'grown', '--encoder', 'MODEL', '--data', '@fewer.jsonl', '--losses', 'none'];
  expect((await workspace.fungi(few)).code).toBe(0);
  expect((await workspace.fungi(['add', 'grown', '@train.jsonl'])).code).toBe(0);
  const { code, stderr } = await grown();
  expect(code).toBe(5);
  expect(stderr).toMatch(
    /data: the examples that the index holds, and others than it was built of; `fungi indexes refit grown`/,
  );
  expect((await workspace.fungi(['indexes', 'refit', 'grown'])).code).toBe(0);
  expect((await grown()).stdout).toContain('nothing to do');
});
