import { dirname } from 'node:path';

import { FungiError } from '../../core/errors.js';
import { assertId, assertStorable } from '../../core/example-check.js';
import type { ExampleInput, MetadataValue } from '../../core/item.js';
import { assertText } from '../../core/text.js';
import type { SourceOptions } from '../../encoders/sources/options.js';
import { findDuplicates } from '../../core/duplicates.js';
import { besideData, MEDIA_KEYS } from './media.js';
import { otherDelimiter, type Row } from './rows.js';
import { sourceRows } from './source.js';

export interface ReadExamplesOptions {
  /** Key or column of the text, image or sound. Default "text", else "image" or "audio", whose values are paths from the file's folder. */
  readonly inputKey?: string | undefined;
  /** Key or column of the label. Default "label". */
  readonly labelKey?: string | undefined;
  /** Key or column of the row's id; every row must have one. Default: "id", for the rows that have it. `null`: rows have no id. */
  readonly idKey?: string | null | undefined;
  /** Cache, hub and network for `hf:`. @default what the environment says */
  readonly hub?: SourceOptions | undefined;
}

export interface ExampleFile {
  readonly examples: readonly ExampleInput[];
  /** Of each example where it stands, "file:line" as {@link Row.where} has it [n]. */
  readonly where: readonly string[];
  /** What was read otherwise than it stands in the file, or looks like a slip; a sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Reads labelled texts, images or sounds, in the source's order, duplicates kept. The source is a .jsonl, .csv, .tsv (UTF-8) or .parquet file, a folder
 * `DIR/<label>/<file>` of texts, images or sounds, a published set's own format (`trec:PATH`, …), or a data set of a hub (`hf:owner/name:split`): docs/data.md.
 * Texts and labels are kept to the letter. A number or boolean as label becomes its JSON text ("3", "true"). All other keys become
 * metadata: strings in CSV and TSV, string, number or boolean elsewhere; null, blank cells and nested values are left out.
 *
 * @throws {FungiError} FILE_NOT_FOUND; INVALID_ARGUMENT on another file type; INVALID_TEXT on an unusable text, label or id;
 *   INVALID_DATA on anything else that is wrong with the file; as {@link sourceRows}. The message says "file:line".
 */
export async function readExamples(source: string, options: ReadExamplesOptions = {}): Promise<ExampleFile> {
  const keys = resolveKeys(options);
  const reader = new RowReader(keys, dirname(source));
  const examples: ExampleInput[] = [];
  const where: string[] = [];
  const warnings: string[] = [];
  const rows = sourceRows(source, {
    needed: [keys.input, keys.label],
    warn: (message) => warnings.push(message),
    hub: options.hub,
  });
  for await (const row of rows) {
    examples.push(reader.read(row));
    where.push(row.where);
  }
  if (examples.length === 0) {
    throw new FungiError('INVALID_DATA', `${source}: the file holds no examples`, {
      hint: `Give one row per example, with "${keys.input}" and "${keys.label}".`,
    });
  }
  return { examples, where, warnings: [...warnings, ...reader.warnings(source), ...similarLabels(examples, source)] };
}

/**
 * Refuses examples that leave nothing to classify.
 *
 * @param where names the examples in the error, e.g. the file
 * @throws {FungiError} INVALID_DATA when they carry fewer than two labels
 */
export function assertLabels(examples: readonly ExampleInput[], where: string): void {
  const labels = distinctLabels(examples);
  if (labels.length >= 2) return;
  const found = labels[0] === undefined ? 'no examples' : `only the label "${labels[0]}"`;
  throw new FungiError('INVALID_DATA', `${where}: ${found}; a classification needs at least two labels`, {
    hint: 'Check that the label key names the right column.',
  });
}

/** The labels that occur, sorted by code unit. */
export function distinctLabels(examples: readonly ExampleInput[]): string[] {
  return [...new Set(examples.map(({ label }) => label))].sort();
}

interface Keys {
  readonly input: string;
  /** Whether the user named the key. */
  readonly inputRequired: boolean;
  readonly label: string;
  readonly id: string | null;
  /** Whether the user named the id key, so that every row must have it. */
  readonly idRequired: boolean;
}

function resolveKeys({ inputKey, labelKey: label = 'label', idKey }: ReadExamplesOptions): Keys {
  const input = inputKey ?? 'text';
  const id = idKey === undefined && input !== 'id' && label !== 'id' ? 'id' : (idKey ?? null);
  const twice = input === label ? input : [input, label].find((key) => key === id);
  if (twice === undefined)
    return { input, inputRequired: inputKey !== undefined, label, id, idRequired: typeof idKey === 'string' };
  throw new FungiError('INVALID_ARGUMENT', `text, label and id need a key each, but "${twice}" is given twice`);
}

/** Turns rows of one file into examples, and remembers what must be unique or is worth a warning. */
class RowReader {
  private readonly idSeenAt = new Map<string, string>();
  private readonly nestedKeys = new Map<string, number>();
  private convertedLabels = 0;

  constructor(
    private readonly keys: Keys,
    /** Of the data: paths count from there. */
    private readonly folder: string,
  ) {}

  read({ where, fields }: Row): ExampleInput {
    const inputKey = this.inputKey(fields);
    const found = required(fields, inputKey, where);
    assertText(found, atKey(found, inputKey, where));
    const input = isMediaKey(inputKey) ? besideData(found, this.folder) : found;
    const label = this.label(required(fields, this.keys.label, where), `${where}, ${this.keys.label}`);
    const id = this.id(fields, where);
    const metadata = this.metadata(fields, inputKey, where);
    return {
      input,
      label,
      ...(id === undefined ? {} : { id }),
      ...(metadata.length === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
    };
  }

  warnings(path: string): string[] {
    const nested = [...this.nestedKeys].map(
      ([key, rows]) =>
        `${path}: "${key}" holds a list or an object in ${rows === 1 ? '1 row' : `${rows} rows`}, which metadata cannot: left out there`,
    );
    if (this.convertedLabels === 0) return nested;
    const labels =
      this.convertedLabels === 1
        ? '1 label is a number or boolean'
        : `${this.convertedLabels} labels are numbers or booleans`;
    return [`${path}: ${labels}, read as ${this.convertedLabels === 1 ? 'a string' : 'strings'}`, ...nested];
  }

  private label(value: unknown, where: string): string {
    const scalar = typeof value === 'number' || typeof value === 'boolean';
    if (scalar) this.convertedLabels++;
    const label = scalar ? String(value) : value;
    assertText(label, where, 'label');
    assertStorable(label, where);
    return label;
  }

  private id(fields: ReadonlyMap<string, unknown>, where: string): string | undefined {
    const { id: key, idRequired } = this.keys;
    if (key === null) return undefined;
    const value = idRequired ? required(fields, key, where) : fields.get(key);
    if (!idRequired && isAbsent(value)) return undefined;
    // A larger integer has already lost digits in JSON.parse, and two ids could become one.
    const id = Number.isSafeInteger(value) ? String(value) : value;
    assertText(id, `${where}, ${key}`);
    assertId(id, `${where}, ${key}`);
    const first = this.idSeenAt.get(id);
    if (first !== undefined) {
      throw new FungiError('INVALID_DATA', `${where}: the id "${id}" is already that of ${first}`, {
        hint: `Make "${key}" unique, name another key (--id-key KEY), or have ids made of text and label (--id-key none).`,
        details: { id },
      });
    }
    this.idSeenAt.set(id, where);
    return id;
  }

  /** An image or sound stands under a key of its own, where there is no text and the caller names none. */
  private inputKey(fields: ReadonlyMap<string, unknown>): string {
    const { input, inputRequired } = this.keys;
    if (inputRequired || fields.has(input)) return input;
    return MEDIA_KEYS.find((key) => fields.has(key)) ?? input;
  }

  private metadata(
    fields: ReadonlyMap<string, unknown>,
    input: string,
    where: string,
  ): (readonly [string, MetadataValue])[] {
    const { label, id } = this.keys;
    const entries: (readonly [string, MetadataValue])[] = [];
    for (const [key, value] of fields) {
      if (key === input || key === label || key === id || isAbsent(value)) continue;
      if (typeof value === 'string') assertText(value, `${where}, ${key}`);
      if (typeof value === 'object') this.nestedKeys.set(key, (this.nestedKeys.get(key) ?? 0) + 1);
      else entries.push([key, value as MetadataValue]);
    }
    return entries;
  }
}

const isMediaKey = (key: string): boolean => (MEDIA_KEYS as readonly string[]).includes(key);

/** Names the key of a value that is none: a row may hold several. */
export const atKey = (value: unknown, key: string, where: string): string =>
  typeof value === 'string' ? where : `${where}, ${key}`;

/** CSV cannot tell a missing value from a blank one, so both count as absent, in JSON as well. */
function isAbsent(value: unknown): value is undefined | null {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}

function required(fields: ReadonlyMap<string, unknown>, key: string, where: string): unknown {
  if (fields.has(key)) return fields.get(key);
  const found = [...fields.keys()].map((name) => `"${name}"`).join(', ');
  throw new FungiError('INVALID_DATA', `${where}: no "${key}" here; the keys are ${found === '' ? 'none' : found}`, {
    hint:
      otherDelimiter([...fields.keys()]) ??
      'Name the keys of text and label, e.g. --input-key question --label-key intent.',
    details: { key },
  });
}

function similarLabels(examples: readonly ExampleInput[], path: string): string[] {
  const labels = distinctLabels(examples);
  return findDuplicates(labels, 'normalised').map(({ rows }) => {
    const spellings = rows.map((row) => JSON.stringify(labels[row])).join(', ');
    return `${path}: these labels differ only by case or spaces and are kept apart: ${spellings}`;
  });
}
