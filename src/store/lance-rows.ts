/** Rows as Arrow columns and back, with a checksum each that is compared whenever a row is read. */
import { createHash } from 'node:crypto';
import type { Data, Field, FixedSizeList, Float32, Int64, RecordBatch, Schema, Table, Utf8 } from 'apache-arrow';
import { FungiError } from '../core/errors.js';
import { arrow } from './arrow.js';
import { metadataText, parseMetadata } from './rows.js';
import type { StoredRow } from './store.js';

/** A row with its place in the insertion order. */
export interface PlacedRow {
  readonly row: StoredRow;
  readonly seq: bigint;
}

type Columns = {
  id: Utf8;
  seq: Int64;
  input: Utf8;
  label: Utf8;
  metadata: Utf8;
  vector: FixedSizeList<Float32>;
  checksum: Int64;
};

export const COLUMN_NAMES = [
  'id',
  'seq',
  'input',
  'label',
  'metadata',
  'vector',
  'checksum',
] as const satisfies (keyof Columns)[];

/** The table's schema. `id` must not be nullable, or LanceDB cannot use it as primary key; the rest has no reason to be. */
export function tableSchema(dims: number): Schema<Columns> {
  const text = (name: string): Field<Utf8> => new arrow.Field(name, new arrow.Utf8(), false);
  const int = (name: string): Field<Int64> => new arrow.Field(name, new arrow.Int64(), false);
  const vector = new arrow.FixedSizeList(dims, new arrow.Field('item', new arrow.Float32(), true));
  return new arrow.Schema<Columns>([
    text('id'),
    int('seq'),
    text('input'),
    text('label'),
    text('metadata'),
    new arrow.Field('vector', vector, false),
    int('checksum'),
  ]);
}

/** P of a table, or undefined when its columns are not the ones of {@link tableSchema}. */
export function dimsOf(schema: Schema): number | undefined {
  const type = schema.fields.find(({ name }) => name === 'vector')?.type as FixedSizeList | undefined;
  if (type === undefined || !Number.isSafeInteger(type.listSize)) return undefined;
  const layout = ({ fields }: Schema): string => fields.map(({ name, type }) => `${name}: ${String(type)}`).join();
  return layout(schema) === layout(tableSchema(type.listSize)) ? type.listSize : undefined;
}

/** Columns of `rows`; vectors go in as one Float32Array [n,P], since LanceDB pads and cuts vectors of row objects. */
export function encodeRows(rows: readonly PlacedRow[], dims: number): Table<Columns> {
  const schema = tableSchema(dims);
  const length = rows.length;
  const text = (of: (row: StoredRow) => string): Data<Utf8> =>
    arrow.vectorFromArray(
      rows.map(({ row }) => of(row)),
      new arrow.Utf8(),
    ).data[0]!;
  const int = (of: (row: PlacedRow) => bigint): Data<Int64> =>
    arrow.makeData({ type: new arrow.Int64(), length, nullCount: 0, data: BigInt64Array.from(rows, of) });
  const values = new Float32Array(length * dims);
  rows.forEach(({ row }, i) => {
    values.set(row.vector, i * dims);
  });
  const child = arrow.makeData({ type: new arrow.Float32(), length: values.length, nullCount: 0, data: values });
  const vectors = arrow.makeData({ type: schema.fields[5]!.type as FixedSizeList, length, nullCount: 0, child });
  const children: Data[] = [
    text(({ id }) => id),
    int(({ seq }) => seq),
    text(({ input }) => input),
    text(({ label }) => label),
    text(({ metadata }) => metadataText(metadata)),
    vectors,
    int(({ row, seq }) => checksum(seq, row, metadataText(row.metadata))),
  ];
  const data = arrow.makeData({ type: new arrow.Struct<Columns>(schema.fields), length, nullCount: 0, children });
  return new arrow.Table(schema, [new arrow.RecordBatch(schema, data)]);
}

/**
 * The rows of a batch. Vectors are views on the batch's memory.
 *
 * @param onDamage is told of a row that differs from its checksum, which is then left out; throws when not given
 * @throws {FungiError} INDEX_CORRUPT
 */
export function decodeRows(
  batch: RecordBatch,
  onDamage: (id: string, error: FungiError) => void = (_, error) => {
    throw error;
  },
): PlacedRow[] {
  const { id, seq, input, label, metadata, vector, checksum: sums } = columns(batch as RecordBatch<Columns>);
  const rows: PlacedRow[] = [];
  for (let i = 0; i < batch.numRows; i++) {
    const meta = metadata.get(i)!;
    const content = { id: id.get(i)!, input: input.get(i)!, label: label.get(i)!, vector: vector(i) };
    if (checksum(seq.get(i), content, meta) === sums.get(i)) {
      rows.push({ seq: seq.get(i)!, row: { ...content, metadata: parseMetadata(meta) } });
    } else {
      onDamage(
        content.id,
        new FungiError('INDEX_CORRUPT', `row ${JSON.stringify(content.id)} is damaged: its checksum differs`, {
          hint: 'Restore the index from a copy, or build it again.',
          details: { id: content.id },
        }),
      );
    }
  }
  return rows;
}

function columns(batch: RecordBatch<Columns>) {
  const column = <Name extends keyof Columns>(name: Name) => batch.getChild(name)!;
  const { type, offset, children } = column('vector').data[0]!;
  const values = children[0]!.values as Float32Array;
  return {
    id: column('id'),
    seq: column('seq'),
    input: column('input'),
    label: column('label'),
    metadata: column('metadata'),
    vector: (i: number) => values.subarray((offset + i) * type.listSize, (offset + i + 1) * type.listSize),
    checksum: column('checksum'),
  };
}

/** First eight bytes of the sha256 of the row's JSON [seq, id, input, label, metadata] followed by the vector's float32 bytes. */
function checksum(
  seq: bigint | null,
  { id, input, label, vector }: Omit<StoredRow, 'metadata'>,
  metadata: string,
): bigint {
  return createHash('sha256')
    .update(JSON.stringify([String(seq), id, input, label, metadata]))
    .update(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength))
    .digest()
    .readBigInt64LE(0);
}
