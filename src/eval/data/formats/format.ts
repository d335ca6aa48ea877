/** What the readers of published data sets' own files share. */
import { FungiError } from '../../../core/errors.js';
import type { Row } from '../rows.js';

export const SPLITS = ['train', 'validation', 'test'] as const;
export type Split = (typeof SPLITS)[number];

export interface FormatOptions {
  /** Undefined where the source names none. */
  readonly split: Split | undefined;
  readonly warn: (message: string) => void;
}

/** Reads a file or folder of a format. */
export type FormatReader = (path: string, options: FormatOptions) => AsyncGenerator<Row>;

/** @throws {FungiError} INVALID_ARGUMENT when there is none */
export function requiredSplit(split: Split | undefined, path: string): Split {
  if (split !== undefined) return split;
  throw new FungiError('INVALID_ARGUMENT', `${path}: the folder holds several splits, and none is named`, {
    hint: `Write the split after the folder: ${path}:train, ${path}:validation or ${path}:test.`,
  });
}

/** @param expected how a line of the format looks */
export function wrongLine(where: string, text: string, expected: string): FungiError {
  const shown = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
  return new FungiError('INVALID_DATA', `${where}: expected ${expected}, got ${shown}`, {
    hint: 'Is this the original file, and the right format before its path? docs/data.md lists them.',
  });
}
