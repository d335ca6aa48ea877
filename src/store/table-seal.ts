/**
 * Digests of a LanceDB table's files. Lance keeps none: a flipped bit in a deletion file brings a deleted row back, a lost
 * manifest silently reopens the version before, and some damage makes its native reader abort the process. Files of a table
 * never change once written, so one list of digests, checked before Lance sees the files, catches all three.
 */
import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { fingerprint, sha256File } from '../core/fingerprint.js';
import { unlessMissing } from '../core/storage-failure.js';
import type { StoreProblem } from './store.js';

const sealSchema = z.object({
  schemaVersion: z.literal(1),
  /** sha256 by path inside the table, '/'-separated. */
  files: z.record(z.string(), z.string()),
  /** Fingerprint of `files`: the seal's own checksum. */
  digest: z.string(),
});
type Files = Readonly<Record<string, string>>;

export class TableSeal {
  /**
   * @param table folder of the Lance table
   * @param path the seal's own file
   */
  constructor(
    private readonly table: string,
    private readonly path: string,
  ) {}

  /**
   * Records the files that are new and forgets those that are gone. Only under the store's write lock: a file must be whole.
   */
  async update(): Promise<void> {
    const known = await this.readIfAny();
    const files: Record<string, string> = {};
    for (const file of await listFiles(this.table))
      files[file] = known[file] ?? (await sha256File(join(this.table, file)));
    await replaceFileWith(this.path, JSON.stringify({ schemaVersion: 1, files, digest: fingerprint(files) }));
  }

  /**
   * Every recorded file that is still there has its digest, and the newest manifest is there. Lance itself errs on other
   * missing files when it needs them, and clearing away old versions is legitimate. Files without a record are those of a
   * writer that was killed before it could record them.
   *
   * @param isChecked which files, by path inside the table; default all
   * @throws {FungiError} INDEX_CORRUPT when the seal itself is missing or damaged
   */
  async check(isChecked: (file: string) => boolean = () => true): Promise<StoreProblem[]> {
    for (let sealed = await this.read(); ;) {
      const problems: StoreProblem[] = [];
      const newest = newestManifest(sealed);
      for (const [file, digest] of Object.entries(sealed)) {
        if (!isChecked(file)) continue;
        const found = await unlessMissing(sha256File(join(this.table, file)));
        if (found === undefined && file === newest)
          problems.push({ message: `${file} is missing: the newest rows are lost` });
        if (found !== undefined && found !== digest)
          problems.push({ message: `${file} is damaged: its checksum differs` });
      }
      if (problems.length === 0) return problems;
      const now = await this.read();
      // A writer may have cleared old versions away meanwhile; it records the newer ones first.
      if (fingerprint(now) === fingerprint(sealed)) return problems;
      sealed = now;
    }
  }

  async exists(): Promise<boolean> {
    return (await unlessMissing(stat(this.path))) !== undefined;
  }

  private async read(): Promise<Files> {
    try {
      const { files, digest } = sealSchema.parse(JSON.parse(await readFile(this.path, 'utf8')));
      if (fingerprint(files) !== digest) throw new Error('its checksum differs');
      return files;
    } catch (cause) {
      const reason =
        (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'is missing' : `is damaged (${(cause as Error).message})`;
      throw new FungiError('INDEX_CORRUPT', `${this.path} ${reason}`, { cause });
    }
  }

  private async readIfAny(): Promise<Files> {
    return (await this.exists()) ? this.read() : {};
  }
}

/** Everything but `latest_version_hint.json`, the one file that Lance rewrites, and only as a hint. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name !== 'latest_version_hint.json')
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    )
    .sort();
}

/** Lance names manifests by 2⁶⁴−1−version, twenty digits, so the newest sorts first. */
function newestManifest(files: Files): string | undefined {
  return Object.keys(files)
    .filter((file) => file.startsWith('_versions/'))
    .sort()[0];
}
