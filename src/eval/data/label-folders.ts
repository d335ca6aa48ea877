/** Labelled files in folders: `DIR/<label>/<file>`, the layout of image and audio sets as of texts. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { FungiError } from '../../core/errors.js';
import { unreadable } from './utf8-file.js';

export interface LabelledFile {
  readonly path: string;
  /** Name of its folder. */
  readonly label: string;
}

/**
 * The files in the folders of labels directly below `root`: by label, then by name, both by code unit. Hidden ones are left out.
 *
 * @param warn told of folders without files, and of files beside the folders of labels
 * @throws {FungiError} FILE_NOT_FOUND when there is no folder of a label, or one cannot be read; INVALID_DATA when one holds
 *   folders itself
 */
export async function labelledFiles(root: string, warn: (message: string) => void): Promise<LabelledFile[]> {
  const { folders, files } = await listing(root);
  if (folders.length === 0) {
    throw new FungiError('FILE_NOT_FOUND', `${root} is a folder, and has no folders of labels in it`, {
      hint: 'A folder of data holds a folder for each label, and these the files: DIR/<label>/<file>.txt. Or name a file.',
      details: { path: root },
    });
  }
  const found: LabelledFile[] = [];
  const empty: string[] = [];
  for (const label of folders) {
    const inside = await listing(join(root, label));
    if (inside.folders.length > 0) {
      throw new FungiError(
        'INVALID_DATA',
        `${join(root, label)}: a folder of a label holds files, and here is the folder "${inside.folders[0]!}"`,
        {
          hint: `Labels are the folders directly below the one that is named: is it ${join(root, label)} that was meant?`,
          details: { path: join(root, label) },
        },
      );
    }
    if (inside.files.length === 0) empty.push(JSON.stringify(label));
    for (const name of inside.files) found.push({ path: join(root, label, name), label });
  }
  if (empty.length > 0) warn(`${root}: no files in the folders of these labels: ${empty.join(', ')}`);
  if (files.length > 0) {
    warn(
      `${root}: left out, since they lie in no folder of a label: ${files.length === 1 ? files[0]! : `${files.length} files`}`,
    );
  }
  return found;
}

/** Names in a folder that are not hidden, sorted; links count as what they lead to. */
async function listing(folder: string): Promise<{ folders: string[]; files: string[] }> {
  const [folders, files]: [string[], string[]] = [[], []];
  try {
    for (const name of (await readdir(folder)).sort()) {
      if (name.startsWith('.')) continue;
      ((await stat(join(folder, name))).isDirectory() ? folders : files).push(name);
    }
  } catch (cause) {
    throw unreadable(folder, cause);
  }
  return { folders, files };
}
