/** Walks over a column's pages before they are decoded: the decoder takes their headers at their word, and may never end. */
import type { AsyncBuffer, ColumnMetaData, Encoding, PageHeader } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/**
 * @param rows that the column has to hold, one value each
 * @throws {Error} saying what does not add up, when pages are not within the column, or do not hold `rows` values together
 */
export async function checkPages(buffer: AsyncBuffer, column: ColumnMetaData, rows: number): Promise<void> {
  const start = Number(column.dictionary_page_offset || column.data_page_offset);
  const size = Number(column.total_compressed_size);
  if (start < 4 || size < 0 || start + size > buffer.byteLength) throw new Error('a column lies outside of the file');
  const view = new DataView(await buffer.slice(start, start + size));
  const reader = { view, offset: 0 };
  let values = 0;
  while (reader.offset < size && values < rows) {
    const header = parquetHeader(reader);
    const { type, compressed_page_size: packed, uncompressed_page_size: unpacked } = header;
    if (!within(packed, size - reader.offset)) throw new Error('a page lies outside of its column');
    if (!within(unpacked, Number(column.total_uncompressed_size))) throw new Error('a page is larger than its column');
    if (type === 'DICTIONARY_PAGE') {
      if (!within(header.dictionary_page_header?.num_values, unpacked))
        throw new Error('a dictionary is larger than its page');
    } else values += pageRows(header, rows);
    reader.offset += packed;
  }
  if (values !== rows) throw new Error(`a column has ${values} values for ${rows} rows`);
}

/** Rows of a data page, at most `most`. */
function pageRows(header: PageHeader, most: number): number {
  const { type, data_page_header: first, data_page_header_v2: second, compressed_page_size: packed } = header;
  const page = type === 'DATA_PAGE' ? first : second;
  const rows = page?.num_values;
  const fits = page !== undefined && ENCODINGS.has(page.encoding) && within(rows, most);
  const levelsFit =
    page === first ||
    (second?.num_rows === rows &&
      within(second?.num_nulls, most) &&
      within(second.definition_levels_byte_length, packed) &&
      within(second.repetition_levels_byte_length, packed));
  if (fits && levelsFit) return rows;
  throw new Error(`the header of a page does not fit ${most} rows`);
}

/** A damaged number gives none of them. */
const ENCODINGS: ReadonlySet<Encoding> = new Set([
  ...(['PLAIN', 'PLAIN_DICTIONARY', 'RLE', 'RLE_DICTIONARY', 'BYTE_STREAM_SPLIT'] as const),
  ...(['DELTA_BINARY_PACKED', 'DELTA_LENGTH_BYTE_ARRAY', 'DELTA_BYTE_ARRAY'] as const),
]);

/** A damaged header may hold anything, whatever its type says. */
const within = (value: unknown, most: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
