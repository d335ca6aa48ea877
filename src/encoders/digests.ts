/** Digests of model files, remembered: hashing 400 MB at each call of the CLI would cost a second or two. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { fingerprint, sha256File } from '../core/fingerprint.js';
import type { Encoder } from './encoder.js';
import type { ModelFiles } from './sources/model-files.js';

const FILE = 'digests.json';
const cacheSchema = z.record(z.string(), z.object({ version: z.string(), sha256: z.string() }));
type DigestCache = z.infer<typeof cacheSchema>;

/**
 * sha256 of the file, from `<cacheDir>/digests.json` when its real path, size and modification time (ns) are as they were.
 * A damaged or unwritable cache costs time, never correctness.
 */
export async function fileDigest(path: string, cacheDir: string): Promise<string> {
  const real = await realpath(path);
  const { size, mtimeNs } = await stat(real, { bigint: true });
  const version = `${size}/${mtimeNs}`;
  const known = (await readCache(cacheDir))[real];
  if (known?.version === version) return known.sha256;
  const sha256 = await sha256File(real);
  // Read again: another process may have added its own meanwhile. The last writer wins, and the loser hashes once more.
  const cache = { ...(await readCache(cacheDir)), [real]: { version, sha256 } };
  await replaceFileWith(join(cacheDir, FILE), `${JSON.stringify(cache, null, 1)}\n`).catch(() => undefined);
  return sha256;
}

/** One digest for a model: its graph's alone, or over graph and external data in order. */
export async function modelDigest(weightFiles: readonly string[], cacheDir: string): Promise<string> {
  const digests: string[] = [];
  for (const path of weightFiles) digests.push(await fileDigest(path, cacheDir));
  return digests.length === 1 ? digests[0]! : fingerprint(digests);
}

/** Which model an encoder is: its graph, and its unquantised one where that lies beside it. */
export async function modelIdentity(
  { modelPath, weightFiles, unquantised }: Pick<ModelFiles, 'modelPath' | 'weightFiles' | 'unquantised'>,
  cacheDir: string,
): Promise<Pick<Encoder, 'modelPath' | 'modelSha256' | 'unquantised'>> {
  const modelSha256 = await modelDigest(weightFiles, cacheDir);
  if (unquantised === undefined) return { modelPath, modelSha256 };
  const exact = { modelPath: unquantised[0]!, modelSha256: await modelDigest(unquantised, cacheDir) };
  return { modelPath, modelSha256: fingerprint([modelSha256, exact.modelSha256]), unquantised: exact };
}

async function readCache(cacheDir: string): Promise<DigestCache> {
  try {
    return cacheSchema.parse(JSON.parse(await readFile(join(cacheDir, FILE), 'utf8')));
  } catch {
    return {};
  }
}
