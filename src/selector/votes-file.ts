/** The votes on held-out rows on disk, beside the manifest of an index that chose for itself: a few kilobytes. */
import { join } from 'node:path';
import type { HeldOutVotes } from '../auto/held-out-votes.js';
import { FungiError } from '../core/errors.js';
import { readSafetensors, writeSafetensors } from '../core/safetensors.js';
import { verifyArtefacts, type Manifest } from '../store/manifest.js';

export const VOTES_FILE = 'held-out-votes.safetensors';

/** Each row once, whatever fold it was held out in. */
export type StoredVotes = Pick<HeldOutVotes, 'shares' | 'right'>;

export const saveVotes = (folder: string, { shares, right }: StoredVotes): Promise<void> =>
  writeSafetensors(
    join(folder, VOTES_FILE),
    new Map([
      ['shares', { dtype: 'F32', data: shares, shape: [shares.length] }],
      ['right', { dtype: 'U8', data: right, shape: [right.length] }],
    ]),
  );

/** Whether an index cannot do without an artefact: one whose votes are lost answers as before, and only cannot be calibrated anew. */
export const isNeeded = (file: string): boolean => file !== VOTES_FILE;

/**
 * Undefined of an index that has none: it did not choose, was built by an earlier version, or had too few rows to hold out.
 *
 * @throws {FungiError} INDEX_CORRUPT when the file is missing or damaged; what reading it throws
 */
export async function openVotes(folder: string, manifest: Manifest): Promise<StoredVotes | undefined> {
  if (!manifest.artefacts.some(({ file }) => file === VOTES_FILE)) return undefined;
  const path = join(folder, VOTES_FILE);
  const hint = `The index answers without it; \`fungi indexes refit ${manifest.name} --force\` makes it anew. Or give labelled examples: --data FILE, or calibrate({ examples }).`;
  await verifyArtefacts(folder, manifest, (file) => file === VOTES_FILE).catch((error: unknown) => {
    if (!FungiError.is(error, 'INDEX_CORRUPT')) throw error;
    throw new FungiError('INDEX_CORRUPT', error.message, { hint, details: error.details, cause: error });
  });
  const tensors = await readSafetensors(path);
  const [shares, right] = [tensors.get('shares')?.data, tensors.get('right')?.data];
  if (shares instanceof Float32Array && right instanceof Uint8Array && shares.length === right.length) {
    return { shares, right };
  }
  throw new FungiError('INDEX_CORRUPT', `${path} does not hold as many shares as votes`, { hint });
}
