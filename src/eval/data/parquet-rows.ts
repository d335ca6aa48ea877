import { parquetRead, type RowGroup, type SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

import { FungiError } from '../../core/errors.js';
import { classNames } from './class-labels.js';
import { checkPages } from './parquet-pages.js';
import { damaged, withParquetFile, type ParquetFile } from './parquet-file.js';
import type { Row } from './rows.js';

export interface ParquetRowsOptions {
  /** Names the file in rows and errors. @default its path */
  readonly name?: string | undefined;
  /** Columns that have to hold one value a row. */
  readonly needed: readonly string[];
  readonly warn: (message: string) => void;
}

/**
 * Rows of a Parquet file, one row group in memory at a time. 64-bit integers become numbers, or strings where a number would lose
 * digits; numbers of a Hugging Face `ClassLabel` become the names of the classes, −1 null; dates ISO strings; NaN null. Columns of lists
 * and groups are not read.
 *
 * @throws {FungiError} INVALID_DATA when a needed column holds lists or groups, a class has no name, a column is named twice, or a
 *   row group cannot be read; as {@link withParquetFile}
 */
export const parquetRows = (path: string, options: ParquetRowsOptions): AsyncGenerator<Row> =>
  withParquetFile(path, (file) => rowsOf(file, options));

async function* rowsOf(file: ParquetFile, { name = file.path, needed, warn }: ParquetRowsOptions): AsyncGenerator<Row> {
  const columns = flatColumns(file.columns, name, needed, warn);
  const names = classNames(file.metadata);
  let start = 0;
  for (const [g, group] of file.metadata.row_groups.entries()) {
    const what = `row group ${g + 1} (rows ${start + 1} to ${start + Number(group.num_rows)}) cannot be read`;
    for (const values of await readGroup(file, columns, group, start, what)) {
      const where = `${name}: row ${++start}`;
      const fields = columns.map(
        (column, c) => [column, plainValue(values[c], names.get(column), `${where}, ${column}`)] as const,
      );
      yield { where, fields: new Map(fields) };
    }
  }
}

/** Names of the columns with one value a row. */
function flatColumns(
  all: readonly SchemaTree[],
  name: string,
  needed: readonly string[],
  warn: (message: string) => void,
): string[] {
  const isFlat = ({ children, element }: SchemaTree): boolean =>
    children.length === 0 && element.repetition_type !== 'REPEATED';
  const [flat, nested] = [true, false].map((wanted) =>
    all.filter((column) => isFlat(column) === wanted).map(({ element }) => element.name),
  ) as [string[], string[]];
  const repeated = flat.find((column, i) => flat.indexOf(column) !== i);
  if (repeated !== undefined) {
    throw new FungiError('INVALID_DATA', `${name}: the file names the column "${repeated}" twice`);
  }
  const unusable = nested.find((column) => needed.includes(column));
  if (unusable !== undefined) {
    throw new FungiError('INVALID_DATA', `${name}: "${unusable}" holds lists or groups, not one value a row`, {
      hint: `Name another column with --input-key or --label-key: ${flat.map((column) => `"${column}"`).join(', ') || 'there is none'}.`,
      details: { column: unusable, columns: flat },
    });
  }
  if (nested.length > 0) {
    warn(
      `${name}: left out, since metadata cannot hold lists or groups: ${nested.map((column) => `"${column}"`).join(', ')}`,
    );
  }
  return flat;
}

/** Values of a row group that begins with row `rowStart`, in the order of `columns`. */
async function readGroup(
  { path, buffer, metadata }: ParquetFile,
  columns: string[],
  group: RowGroup,
  rowStart: number,
  what: string,
): Promise<unknown[][]> {
  const rowEnd = rowStart + Number(group.num_rows);
  if (rowStart === rowEnd || columns.length === 0) return [];
  let rows: unknown[][] = [];
  try {
    for (const { meta_data: column } of group.columns) {
      const isRead = column?.path_in_schema.length === 1 && columns.includes(column.path_in_schema[0]!);
      if (isRead) await checkPages(buffer, column, rowEnd - rowStart);
    }
    await parquetRead({
      file: buffer,
      metadata,
      columns,
      rowStart,
      rowEnd,
      compressors,
      geoparquet: false,
      parsers: { stringFromBytes: textOrBytes },
      onComplete: (read) => (rows = read),
    });
  } catch (cause) {
    throw damaged(path, what, cause);
  }
  if (rows.length !== rowEnd - rowStart) throw damaged(path, what, `it has ${rows.length} rows`);
  return rows;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Columns of bytes need not say whether they are text: those that are no UTF-8 stay bytes. */
function textOrBytes(bytes: Uint8Array | undefined): string | Uint8Array | undefined {
  try {
    return bytes && UTF8.decode(bytes);
  } catch {
    return bytes;
  }
}

function plainValue(value: unknown, names: readonly string[] | undefined, where: string): unknown {
  const number = typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (names !== undefined && typeof number === 'number') return className(number, names, where);
  if (typeof number === 'bigint') return String(number);
  if (typeof number === 'number' && !Number.isFinite(number)) return null;
  if (number instanceof Date) return Number.isNaN(number.getTime()) ? null : number.toISOString();
  return number;
}

function className(number: number, names: readonly string[], where: string): string | null {
  // What Hugging Face writes where a split comes without labels.
  if (number === -1) return null;
  const name = names[number];
  if (name !== undefined) return name;
  throw new FungiError(
    'INVALID_DATA',
    `${where}: class ${number} has no name; the file names 0 to ${names.length - 1}`,
    {
      hint: 'Write the file again with the names of all classes, or without the note "huggingface" in its metadata.',
      details: { number, names: names.length },
    },
  );
}
