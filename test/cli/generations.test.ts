/** `fungi indexes refit` and `rollback`, and what `describe` says of the generations. */
import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { z } from 'zod';
import { FungiSelector } from '../../src/selector/selector.js';
import { jsonl, Workspace, EXAMPLES } from './support.js';

let workspace: Workspace;
beforeEach(async () => {
  workspace = await Workspace.create();
});
afterEach(() => workspace.remove());

const manifestJson = z.looseObject({ createdAt: z.string(), rows: z.number(), storeId: z.string() });
const refitJson = z.strictObject({
  name: z.literal('pets'),
  indexes: z.string(),
  state: z.enum(['refitted', 'unchanged']),
  seconds: z.number(),
  manifest: manifestJson,
});
const generationJson = z.strictObject({
  createdAt: z.string(),
  generation: z.string(),
  rows: z.number().nullable(),
  own: z.number().nullable(),
});
const rollbackJson = z.strictObject({
  name: z.literal('pets'),
  indexes: z.string(),
  present: generationJson,
  previous: generationJson.nullable(),
});
const descriptionJson = z.looseObject({
  rows: z.number(),
  manifest: manifestJson,
  previous: z.strictObject({ createdAt: z.string(), rows: z.number() }).nullable(),
});

async function add(...ids: string[]): Promise<void> {
  const selector = await FungiSelector.open({ name: 'pets', indexes: workspace.path('indexes') });
  await selector.add(ids.map((id) => ({ id, input: `the dog ${id}`, label: 'dog' })));
  await selector.close();
}

const described = async () =>
  descriptionJson.parse((await workspace.fungi(['indexes', 'describe', 'pets', '--json'])).json());

it('refit, describe and roll back an index of the encoder in the package, offline', async () => {
  const built = ['index', 'pets', '--data', '@train.jsonl', '--encoder', 'builtin', '--losses', 'none'];
  expect((await workspace.fungi(built)).code).toBe(0);
  await add('a', 'b');
  expect((await described()).previous).toBeNull();

  const refit = await workspace.fungi(['indexes', 'refit', 'pets', '--json']);
  const { manifest, state } = refitJson.parse(refit.json());
  expect([refit.code, refit.stderr, state, manifest.rows]).toEqual([0, '', 'refitted', 14]);
  await add('c');
  const { previous, rows } = await described();
  expect([rows, previous?.rows]).toEqual([15, 14]);
  const text = (await workspace.fungi(['indexes', 'describe', 'pets'])).stdout;
  expect(text).toMatch(/^previous +20\S+, 14 rows \(`fungi indexes rollback pets`\)$/m);

  const back = await workspace.fungi(['indexes', 'rollback', 'pets', '--json']);
  expect(rollbackJson.parse(back.json())).toMatchObject({
    present: { createdAt: previous!.createdAt, rows: 14, own: 0 },
    previous: { createdAt: manifest.createdAt, generation: manifest.storeId, rows: 15, own: 1 },
  });
  expect(back.stderr).toMatch(/^warning: index "pets": 1 of its examples is not in the previous generation/);
  expect((await described()).rows).toBe(14);

  const again = await workspace.fungi(['indexes', 'rollback', 'pets']);
  expect([again.code, again.stderr]).toEqual([0, '']);
  expect(again.stdout).toContain('(15 rows, 1 of them in this one alone) again');
  expect(again.stdout).toContain('(14 rows, 0 of them in this one alone), is kept');
  expect((await described()).manifest.storeId).toBe(manifest.storeId);
});

it('refit leaves an index of the examples that it was built of, unless it is forced', async () => {
  await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
  const built = await described();
  const refit = (...more: string[]) => workspace.fungi(['indexes', 'refit', 'pets', ...more]);
  const left = refitJson.parse((await refit('--json')).json());
  expect([left.state, left.manifest.storeId]).toEqual(['unchanged', built.manifest.storeId]);
  const { code, stdout, stderr } = await refit();
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^index "pets" in .* is as its build left it: nothing to refit \(--force/);
  expect(await described()).toEqual(built);

  expect(refitJson.parse((await refit('--force', '--json')).json()).state).toBe('refitted');
  expect((await described()).previous).toMatchObject({ rows: 12 });
});

it('a build keeps the index that it replaces where it is told to, and else nothing', async () => {
  const build = (data: string, ...more: string[]) =>
    workspace.fungi(['index', 'pets', '--data', data, '--encoder', 'MODEL', '--losses', 'none', ...more]);
  await workspace.write({ 'few.jsonl': jsonl(EXAMPLES.slice(3, 9)) });
  await build('@train.jsonl');
  expect((await build('@few.jsonl')).code).toBe(5);
  expect((await build('@few.jsonl', '--keep-previous')).code).toBe(0);
  expect(await described()).toMatchObject({ rows: 6, previous: { rows: 12 } });
  expect((await build('@train.jsonl', '--force')).code).toBe(0);
  expect(await described()).toMatchObject({ rows: 12, previous: null });
  const { code, stderr } = await workspace.fungi(['indexes', 'rollback', 'pets']);
  expect(code).toBe(5);
  expect(stderr).toMatch(/^error \[INDEX_NOT_FOUND\]: index "pets" .* no previous generation\nhint: .*refit pets/);
});

it('a build with --keep-previous over a damaged index keeps the generation before that', async () => {
  const build = (data: string) =>
    workspace.fungi(['index', 'pets', '--data', data, '--encoder', 'MODEL', '--losses', 'none', '--keep-previous']);
  await workspace.write({ 'few.jsonl': jsonl(EXAMPLES.slice(3, 9)) });
  await build('@train.jsonl');
  await build('@few.jsonl');
  await writeFile(workspace.path('indexes', 'pets', 'seal.json'), '{}');
  const over = await build('@few.jsonl');
  expect(over.code).toBe(0);
  expect(over.stderr).toMatch(/warning: index "pets" is damaged: it is not kept, and the previous generation stays/);
  expect(await described()).toMatchObject({ rows: 6, previous: { rows: 12 } });
  expect((await workspace.fungi(['indexes', 'rollback', 'pets'])).code).toBe(0);
  expect((await described()).rows).toBe(12);
});

it('say that a generation cannot be read, and return from it', async () => {
  await workspace.fungi(['index', 'pets', '--data', '@train.jsonl', '--encoder', 'MODEL', '--losses', 'none']);
  await workspace.fungi(['indexes', 'refit', 'pets', '--force']);
  await writeFile(workspace.path('indexes', 'pets', 'manifest.json'), '{}');
  const back = await workspace.fungi(['indexes', 'rollback', 'pets']);
  expect(back.code).toBe(0);
  expect(back.stderr).toMatch(/^warning: index "pets" cannot be read/);
  expect(back.stdout).toContain('cannot be read, or was gone');
  const { stdout, code } = await workspace.fungi(['indexes', 'describe', 'pets']);
  expect([code, stdout]).toEqual([0, expect.stringMatching(/^previous +.*manifest\.json was changed/m)]);
  expect((await workspace.fungi(['indexes', 'verify', 'pets'])).code).toBe(0);
  expect((await workspace.fungi(['indexes', 'rollback', 'pets'])).code).toBe(5);
});
