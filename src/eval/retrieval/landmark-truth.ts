import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FungiError } from '../../core/errors.js';
import type { QueryTruth } from './revisited.js';

/** Which images of a database show the landmark of each query. */
export interface LandmarkTruth {
  /** Names of the database's images [n]. */
  readonly images: readonly string[];
  /** Names of the query images [q]. */
  readonly queries: readonly string[];
  /** [q] */
  readonly truths: readonly QueryTruth[];
}

const numbers = z.array(z.int().nonnegative());
const fileSchema = z.object({
  imlist: z.array(z.string()).min(1),
  qimlist: z.array(z.string()).min(1),
  // `bbx`, where the landmark lies in the query image, is for whoever makes its features.
  gnd: z.array(z.object({ easy: numbers, hard: numbers, junk: numbers })),
});

/**
 * Reads the ground truth of revisited Oxford or Paris from JSON: the authors' `gnd_roxford5k.pkl` or `gnd_rparis6k.pkl`, whose dictionary is
 * `{ imlist, qimlist, gnd: [{ easy, hard, junk, bbx }] }`, converted as it is.
 *
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_DATA when the file is not of that form, queries and truths differ in number, or an image
 *   is not in the list or in two places of a truth
 */
export async function readLandmarkTruth(path: string): Promise<LandmarkTruth> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new FungiError('FILE_NOT_FOUND', `${path} cannot be read`, { details: { path }, cause });
  });
  const parsed = fileSchema.safeParse(parseJson(text, path));
  if (!parsed.success) {
    throw new FungiError('INVALID_DATA', `${path}: ${z.prettifyError(parsed.error)}`, {
      hint: 'Convert the .pkl file of the benchmark to JSON: {"imlist", "qimlist", "gnd": [{"easy", "hard", "junk"}]}.',
      details: { path },
    });
  }
  const { imlist: images, qimlist: queries, gnd: truths } = parsed.data;
  const refuse = (problem: string): never => {
    throw new FungiError('INVALID_DATA', `${path}: ${problem}`, { details: { path } });
  };
  if (queries.length !== truths.length) refuse(`${queries.length} queries, but ${truths.length} truths`);
  truths.forEach(({ easy, hard, junk }, q) => {
    const seen = new Set<number>();
    for (const image of [...easy, ...hard, ...junk]) {
      if (image >= images.length) refuse(`query ${q} names image ${image}, the last is ${images.length - 1}`);
      if (seen.has(image)) refuse(`query ${q} names image ${image} twice`);
      seen.add(image);
    }
  });
  return { images, queries, truths };
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new FungiError('INVALID_DATA', `${path} is not JSON`, { details: { path }, cause });
  }
}
