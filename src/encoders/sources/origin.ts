/** A note in each folder of the cache on where its files came from. */
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../../core/atomic-file.js';
import { readJsonFile } from '../json-file.js';

const FILE = 'fungi-origin.json';

const originSchema = z.object({
  id: z.string(),
  source: z.enum(['hub', 'package']),
  /** Address or package it was fetched from. */
  from: z.string(),
  /** Commit of the hub, or version and digest of the package. */
  revision: z.string().optional(),
  licence: z.string().optional(),
});

export type Origin = z.infer<typeof originSchema>;

export async function writeOrigin(folder: string, origin: Origin): Promise<void> {
  await replaceFileWith(join(folder, FILE), `${JSON.stringify(origin, null, 2)}\n`);
}

/** Undefined when there is no note, or none that can be read: it is information, nothing depends on it. */
export async function readOrigin(folder: string): Promise<Origin | undefined> {
  return readJsonFile(join(folder, FILE), originSchema).catch(() => undefined);
}
