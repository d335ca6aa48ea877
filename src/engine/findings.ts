/** What trying out a model has found, kept from one load to the next: BERT-base takes two seconds to try. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { fingerprint } from '../core/fingerprint.js';
import { LIBRARY_VERSION } from '../core/version.js';
import type { Encoder } from '../encoders/encoder.js';
import type { Findings } from './assemble.js';
import type { ImportOptions } from './import-options.js';

const findingsSchema = z.object({
  dims: z.int().positive(),
  boundary: z
    .array(z.object({ name: z.string(), width: z.int().positive(), type: z.enum(['float32', 'float16']) }))
    .min(1),
  vector: z.boolean(),
  tokens: z.int().positive().optional(),
  sliced: z.boolean(),
  unsliced: z.string().optional(),
});

/** Undefined where nothing is known: a damaged file costs a trial, never correctness. */
export async function readFindings(encoder: Encoder, options: ImportOptions): Promise<Findings | undefined> {
  const path = placeOf(encoder, options);
  if (path === undefined) return undefined;
  try {
    return findingsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

export async function writeFindings(encoder: Encoder, options: ImportOptions, findings: Findings): Promise<void> {
  const path = placeOf(encoder, options);
  if (path === undefined) return;
  try {
    await mkdir(join(path, '..'), { recursive: true });
    await replaceFileWith(path, `${JSON.stringify(findings, null, 1)}\n`);
  } catch {
    // A folder that cannot be written costs a trial at the next load.
  }
}

/** By all that decides what is found; undefined where it may not be kept. */
function placeOf(encoder: Encoder, { cacheDir, target, output, provider }: ImportOptions): string | undefined {
  const { modelSha256, preprocessorSha256, unquantised, pooling } = encoder;
  if (cacheDir === undefined || modelSha256 === '') return undefined;
  const key = fingerprint({
    version: LIBRARY_VERSION,
    ...{ modelSha256, preprocessorSha256, pooling, target, output, provider },
    unquantised: unquantised?.modelSha256,
  });
  return join(cacheDir, 'imports', `${key}.json`);
}
