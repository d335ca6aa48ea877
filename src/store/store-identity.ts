/** Which store a folder holds. Drawn anew with each store: another index may be put at the path of one that is open. */
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceFileWith } from '../core/atomic-file.js';
import { unlessMissing } from '../core/storage-failure.js';

export const STORE_ID_FILE = 'store-id';

export async function drawStoreId(folder: string): Promise<string> {
  const id = randomUUID();
  await replaceFileWith(join(folder, STORE_ID_FILE), id);
  return id;
}

/** Undefined when the folder holds no store. */
export async function readStoreId(folder: string): Promise<string | undefined> {
  return unlessMissing(readFile(join(folder, STORE_ID_FILE), 'utf8'));
}
