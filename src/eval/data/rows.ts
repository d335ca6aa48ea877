import { pipeline, Readable } from 'node:stream';

import { CsvError, parse, type Options } from 'csv-parse';

import { FungiError } from '../../core/errors.js';
import { countNewlines, readUtf8, utf8Lines } from './utf8-file.js';

/** One record of a data file, before anything is known of its meaning. */
export interface Row {
  /** "file:line", the line being the record's first, counted from 1; in Parquet "file: row N"; of a file by itself its path. */
  readonly where: string;
  /** A map, since an object would take a column named `__proto__` for its prototype. */
  readonly fields: ReadonlyMap<string, unknown>;
}

/**
 * Objects of a JSON Lines file, one a line; blank lines are skipped.
 *
 * @throws {FungiError} INVALID_DATA when a line is not a JSON object; as {@link readUtf8}
 */
export async function* jsonlRows(path: string): AsyncGenerator<Row> {
  for await (const { line, text } of utf8Lines(path)) {
    if (text.trim() !== '') yield jsonRow(text, `${path}:${line}`);
  }
}

function jsonRow(text: string, where: string): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FungiError('INVALID_DATA', `${where}: not valid JSON: ${(cause as Error).message}`, {
      hint: 'A .jsonl file holds one whole JSON object on each line; `jq -c ".[]"` makes lines of a JSON array.',
      cause,
    });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    const found = value === null ? 'null' : Array.isArray(value) ? 'an array' : `a ${typeof value}`;
    throw new FungiError('INVALID_DATA', `${where}: expected a JSON object, got ${found}`, {
      hint: 'Each line is an object such as {"text": "…", "label": "…"}.',
    });
  }
  return { where, fields: new Map(Object.entries(value)) };
}

/**
 * Records of a comma- or tab-separated file with a header line (RFC 4180 quoting, LF or CRLF); blank lines are skipped and
 * values are kept to the letter, spaces included.
 *
 * @throws {FungiError} INVALID_DATA on a repeated column, or a record longer or shorter than the header; as {@link records}
 */
export async function* delimitedRows(path: string, delimiter: Delimiter): AsyncGenerator<Row> {
  let header: readonly string[] | undefined;
  for await (const { record, where } of records(path, delimiter)) {
    if (header === undefined) header = checkHeader(record, where);
    else yield { where, fields: pair(header, record, where) };
  }
}

type Delimiter = ',' | '\t';

/**
 * Records of a comma- or tab-separated file, the first line like any other; blank lines are skipped.
 *
 * @throws {FungiError} INVALID_DATA on broken quoting; as {@link readUtf8}
 */
export async function* records(path: string, delimiter: Delimiter): AsyncGenerator<NumberedRecord> {
  let nextLine = 1;
  // Counted as records are parsed, not as they are taken below: on an error the parser drops those still waiting.
  const number = ({ record, raw }: RawRecord): NumberedRecord => {
    const line = nextLine;
    nextLine += countLines(raw);
    return { record, where: `${path}:${line}` };
  };
  const parser = parse({
    delimiter,
    record_delimiter: ['\r\n', '\n'],
    relax_column_count: true,
    raw: true,
    on_record: number as unknown as NonNullable<Options['on_record']>, // typed for records that `raw` does not wrap
  });
  pipeline(Readable.from(readUtf8(path)), parser, () => undefined); // an error of either reaches the loop below
  try {
    for await (const numbered of parser as AsyncIterable<NumberedRecord>) {
      if (numbered.record.length > 1 || numbered.record[0] !== '') yield numbered;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new FungiError('INVALID_DATA', `${path}:${nextLine}: ${error.message}`, {
      hint: 'Quote a field that holds a quote, and double the quotes in it: "a 5"" pipe".',
      cause: error,
    });
  }
}

interface RawRecord {
  readonly record: readonly string[];
  readonly raw: string;
}

export interface NumberedRecord {
  readonly record: readonly string[];
  readonly where: string;
}

/** Lines of a raw record; csv-parse ends it with "\r" where the file has CRLF. (Its own count takes a quoted CRLF for two.) */
function countLines(raw: string): number {
  return countNewlines(raw) + (raw.endsWith('\r') ? 1 : 0);
}

function checkHeader(names: readonly string[], where: string): readonly string[] {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated === undefined) return names;
  throw new FungiError('INVALID_DATA', `${where}: the header names the column "${repeated}" twice`);
}

/** A hint when a header's only name looks like several. */
export function otherDelimiter(header: readonly string[]): string | undefined {
  const [name = ''] = header;
  const delimiter = header.length === 1 ? [';', '\t', '|', ','].find((each) => name.includes(each)) : undefined;
  if (delimiter === undefined) return undefined;
  const shown = delimiter === '\t' ? 'a tab' : `"${delimiter}"`;
  return `The delimiter looks like ${shown}: a .csv file has "," and a .tsv file has tabs.`;
}

function pair(header: readonly string[], record: readonly string[], where: string): Map<string, string> {
  if (record.length !== header.length) {
    throw new FungiError('INVALID_DATA', `${where}: ${record.length} fields, but the header has ${header.length}`, {
      hint: otherDelimiter(header) ?? 'Quote a field that holds the delimiter or a line break.',
    });
  }
  return new Map(header.map((name, i) => [name, record[i]!]));
}
