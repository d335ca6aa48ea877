/** The boundary of every store: what may enter. LanceDB itself pads or cuts vectors and takes infinities without a word. */
import { FungiError } from '../core/errors.js';
import { assertId, assertMetadata, assertStorable } from '../core/example-check.js';
import { canonicalJson } from '../core/fingerprint.js';
import type { Metadata } from '../core/item.js';
import type { StoredRow } from './store.js';

/** Refuses rows that cannot be stored faithfully. @throws {FungiError} INVALID_VECTOR, INVALID_DATA, INVALID_TEXT */
export function assertRows(rows: readonly StoredRow[], dims: number): void {
  for (const row of rows) {
    assertId(row.id);
    assertVector(row.vector, dims, row.id);
    assertStorable(row.label, `label of row "${row.id}"`);
    assertMetadata(row.metadata, `row "${row.id}"`);
    if (typeof row.input !== 'string' || !row.input.isWellFormed()) {
      throw new FungiError('INVALID_TEXT', `row "${row.id}": the input is not a well-formed string`, {
        hint: 'Repair the encoding at the source, or call text.toWellFormed() to replace lone surrogates with U+FFFD.',
      });
    }
  }
}

/** @throws {FungiError} INVALID_DATA */
export function assertIds(ids: readonly string[]): void {
  for (const id of ids) assertId(id);
}

/** Metadata as a store keeps it: sorted keys, so that equal metadata is equal text. */
export const metadataText = (metadata: Metadata): string => canonicalJson(metadata);

export const parseMetadata = (text: string): Metadata => JSON.parse(text) as Metadata;

/** Each id once, at its first place, with its last row: what a Map makes of them. */
export function lastOfEach(rows: readonly StoredRow[]): StoredRow[] {
  return [...new Map(rows.map((row) => [row.id, row])).values()];
}

/** @throws {FungiError} INVALID_ARGUMENT */
export function assertPositive(value: number, name: string): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new FungiError('INVALID_ARGUMENT', `${name} is ${value}; it has to be a whole number of at least 1`);
  }
}

function assertVector(vector: unknown, dims: number, id: string): void {
  if (!(vector instanceof Float32Array)) {
    throw new FungiError('INVALID_VECTOR', `row "${id}": the vector is not a Float32Array`);
  }
  if (vector.length !== dims) {
    throw new FungiError(
      'INVALID_VECTOR',
      `row "${id}": the vector has ${vector.length} values, this store takes ${dims}`,
      {
        hint: 'Features of another model or other settings do not belong in this index.',
        details: { id, length: vector.length, dims },
      },
    );
  }
  const bad = vector.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new FungiError(
      'INVALID_VECTOR',
      `row "${id}": value ${bad} of the vector is ${vector[bad]!}, not a finite number`,
      {
        details: { id, position: bad },
      },
    );
  }
}
