/** Pictures with a class for each pixel: `DIR/images/NAME.jpg` and `DIR/labels/NAME.png`. */
import { readdir } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { FungiError } from '../../core/errors.js';
import { firstFew } from '../../core/first-few.js';
import { silentLogger } from '../../core/log.js';
import type { OnProgress } from '../../core/progress.js';
import { openPictures } from '../../encoders/image/picture.js';
import { readLabelImage } from './label-file.js';

export interface Scene {
  readonly name: string;
  /** Path of the picture. */
  readonly image: string;
  /** Path of its label map. */
  readonly labels: string;
}

/** What the numbers in label maps mean. */
export interface SceneClasses {
  /** C: classes are 0 … C − 1. */
  readonly count: number;
  /** Pixels of this number have no class. */
  readonly ignore: number;
}

const LAYOUT =
  'A folder of scenes holds images/NAME.jpg and labels/NAME.png, a grey image of the same size whose values are classes.';

/** Names that a message gives; all are in its details. */
const SHOWN = 5;

/**
 * Pairs of pictures and label maps, by name. Hidden files are left out.
 *
 * @throws {FungiError} FILE_NOT_FOUND for a folder that is not there or empty; INVALID_DATA naming what lacks its other half, and two
 *   files of one name
 */
export async function listScenes(folder: string): Promise<Scene[]> {
  const [images, labels] = [await filesByName(join(folder, 'images')), await filesByName(join(folder, 'labels'))];
  assertPaired(folder, images, labels, 'label map', 'labels');
  assertPaired(folder, labels, images, 'picture', 'images');
  return [...images].map(([name, image]) => ({ name, image, labels: labels.get(name)! }));
}

/**
 * That every label map is as large as its picture and holds classes alone. Maps are read and let go again.
 *
 * @returns pixels of each class that there are, over all scenes [C]
 * @throws {FungiError} INVALID_DATA naming file, sizes or pixel; INVALID_MEDIA, FILE_NOT_FOUND
 */
export async function assertScenes(
  scenes: readonly Scene[],
  { count, ignore }: SceneClasses,
  onProgress?: OnProgress,
): Promise<Float64Array> {
  const pixels = new Float64Array(count);
  for (const [done, { image, labels: path }] of scenes.entries()) {
    const [picture] = await openPictures([image], silentLogger);
    const { width, height, labels } = await readLabelImage(path);
    if (picture!.width !== width || picture!.height !== height) {
      throw new FungiError(
        'INVALID_DATA',
        `${path}: ${width} × ${height} labels, and ${image} has ${picture!.width} × ${picture!.height} pixels`,
        {
          hint: 'Give the label map the size of its picture, without interpolating between classes.',
          details: { path },
        },
      );
    }
    labels.forEach((label, at) => {
      if (label === ignore) return;
      if (label < count) pixels[label]!++;
      else throw outOfRange(path, label, at, width, { count, ignore });
    });
    onProgress?.({ stage: 'check scenes', done: done + 1, total: scenes.length, unit: 'rows' });
  }
  return pixels;
}

async function filesByName(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new FungiError('FILE_NOT_FOUND', `${folder}: no such folder`, { hint: LAYOUT, cause });
  });
  const files = new Map<string, string>();
  for (const { name } of entries.filter((entry) => !entry.isDirectory()).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (name.startsWith('.')) continue;
    const stem = parse(name).name;
    const other = files.get(stem);
    if (other !== undefined)
      throw new FungiError('INVALID_DATA', `${other} and ${name} have one name, which pairs pictures and label maps`, {
        hint: 'Leave one of them out.',
      });
    files.set(stem, join(folder, name));
  }
  if (files.size === 0) throw new FungiError('FILE_NOT_FOUND', `${folder}: there are no files`, { hint: LAYOUT });
  return files;
}

function assertPaired(
  folder: string,
  all: ReadonlyMap<string, string>,
  others: ReadonlyMap<string, string>,
  what: string,
  where: string,
): void {
  const missing = [...all.keys()].filter((name) => !others.has(name));
  if (missing.length === 0) return;
  throw new FungiError('INVALID_DATA', `${join(folder, where)}: no ${what} for ${firstFew(missing, SHOWN)}`, {
    hint: LAYOUT,
    details: { missing },
  });
}

function outOfRange(
  path: string,
  label: number,
  at: number,
  width: number,
  { count, ignore }: SceneClasses,
): FungiError {
  const [x, y] = [at % width, Math.floor(at / width)];
  return new FungiError(
    'INVALID_DATA',
    `${path}: the pixel in column ${x}, row ${y} is ${label}; classes are 0 to ${count - 1}, and ${ignore} is ignored`,
    {
      hint: 'Name the value of pixels without a class with --ignore, and all classes with --classes.',
      details: { path, label, x, y },
    },
  );
}
