/** `fungi cache clear` where the disk does not let go of a file. */
import * as fs from 'node:fs/promises';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { lockBlocks } from '../../src/eval/features/block-bytes.js';
import { Workspace } from './support.js';

vi.mock('node:fs/promises', async (original) => {
  const actual = await original<typeof fs>();
  return { ...actual, rm: vi.fn(actual.rm) };
});

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
});
afterAll(() => workspace.remove());

it('says what it removed all the same, and removes the others', async () => {
  const { rm } = await vi.importActual<typeof fs>('node:fs/promises');
  const argv = [
    'eval',
    'knn',
    '--encoder',
    'MODEL',
    '--train',
    '@train.jsonl',
    '--test',
    '@test.jsonl',
    '--seeds',
    '3',
  ];
  expect((await workspace.fungi(argv)).code).toBe(0);
  const folder = workspace.path('cache', 'features');
  const blocks = async () => (await fs.readdir(folder)).filter((name) => name.endsWith('.blocks')).sort();
  const [stuck, used] = await blocks();
  expect(await blocks()).toHaveLength(4);
  const refusing = vi.mocked(fs.rm).mockImplementation((path, options) => {
    if (String(path).endsWith(stuck!)) return Promise.reject(Object.assign(new Error('no'), { code: 'EROFS' }));
    return rm(path, options);
  });
  const lock = await lockBlocks(workspace.path('cache', 'features', used!));
  const { code, stdout, stderr } = await workspace.fungi(['cache', 'clear', '--json']);
  expect(code).toBe(5);
  expect(JSON.parse(stdout)).toMatchObject({ removed: { length: 2 }, failed: [stuck], inUse: [used] });
  expect(JSON.parse(stderr)).toMatchObject({
    error: {
      code: 'STORAGE_FAILED',
      message: expect.stringMatching(
        /^1 file of .*features left: removing .*: the file system is read-only \(EROFS\); a running evaluation uses 1 other$/,
      ) as string,
    },
  });
  await lock.release();
  expect(await blocks()).toEqual([stuck, used].sort());

  refusing.mockImplementation(rm);
  expect((await workspace.fungi(['cache', 'clear'])).stdout).toMatch(/^removed 2 files, /);
  expect(await blocks()).toEqual([]);
});
