import { mkdtemp, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { sha256 } from '../../src/core/fingerprint.js';
import { fileDigest, modelDigest } from '../../src/encoders/digests.js';

let scratch: string;
let cacheDir: string;
let model: string;
let cacheFile: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'digests-'));
  cacheDir = join(scratch, 'cache');
  cacheFile = join(cacheDir, 'digests.json');
  model = join(scratch, 'model.onnx');
  await writeFile(model, 'weights');
});
afterEach(() => rm(scratch, { recursive: true }));

/** Makes the cache claim something that no hashing could have given. */
async function tamper(): Promise<void> {
  const text = await readFile(cacheFile, 'utf8');
  await writeFile(cacheFile, text.replace(sha256('weights'), 'f'.repeat(64)));
}

it('hashes once, and remembers by real path', async () => {
  expect(await fileDigest(model, cacheDir)).toBe(sha256('weights'));
  await tamper();
  expect(await fileDigest(model, cacheDir)).toBe('f'.repeat(64));
  const link = join(scratch, 'link');
  await symlink(model, link);
  expect(await fileDigest(link, cacheDir)).toBe('f'.repeat(64));
});

it('hashes again when size or time changed', async () => {
  await fileDigest(model, cacheDir);
  await writeFile(model, 'other weights');
  expect(await fileDigest(model, cacheDir)).toBe(sha256('other weights'));
  const { atime, mtimeMs } = await stat(model);
  await writeFile(model, 'OTHER WEIGHTS');
  await utimes(model, atime, new Date(mtimeMs + 1000));
  expect(await fileDigest(model, cacheDir)).toBe(sha256('OTHER WEIGHTS'));
});

it.each(['', '{"half', '[]', '{"x": 1}'])('ignores a damaged cache: %j', async (damage) => {
  await fileDigest(model, cacheDir);
  await writeFile(cacheFile, damage);
  expect(await fileDigest(model, cacheDir)).toBe(sha256('weights'));
  await tamper();
  expect(await fileDigest(model, cacheDir)).toBe('f'.repeat(64)); // and it was mended
});

it('works where no cache can be written', async () => {
  await writeFile(join(scratch, 'file'), '');
  expect(await fileDigest(model, join(scratch, 'file', 'cache'))).toBe(sha256('weights'));
});

it('covers external data, in order', async () => {
  const data = join(scratch, 'model.onnx_data');
  await writeFile(data, 'more');
  const whole = await modelDigest([model, data], cacheDir);
  expect(await modelDigest([model], cacheDir)).toBe(sha256('weights'));
  expect(whole).not.toBe(await modelDigest([data, model], cacheDir));
  await writeFile(data, 'moRe!');
  expect(await modelDigest([model, data], cacheDir)).not.toBe(whole);
});
