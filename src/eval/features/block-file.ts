/**
 * One feature block of many texts, in a file that is only ever added to: a run that is killed loses the window it was at, and the next
 * one goes on from there.
 *
 * A record is the text's digest (16 bytes), a check of the record (8), flags (8), then the block's values as little-endian float32.
 * Records are checked when the file is opened, and it is cut at the first that is not whole.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { Item } from '../../core/item.js';
import { FungiError } from '../../core/errors.js';
import { onStorage } from '../../core/storage-failure.js';
import { KeptBytes, readingFile, type BlockBytes, type ReadAt } from './block-bytes.js';

const MAGIC = 'fungi-block-1\n\0\0';
/** Magic, the block's width as uint32, and a check of both. */
const HEADER = 32;
const [KEY, CHECK] = [16, 8];
const PREFIX = 32;
const TRUNCATED = 1;
/** Bytes read at once. */
const PIECE = 1 << 22;

const cutShort = (what: string): FungiError =>
  new FungiError('STORAGE_FAILED', `the file of ${what} was cut while this run used it`, {
    hint: 'Run the same command again: it makes what is missing.',
  });

/** What blocks are of. */
export interface BlockSubject {
  /** Names them in errors, e.g. "embeddings". @default 'features' */
  readonly what?: string;
  /** What an item's block is found by. @default the item itself */
  readonly keyOf?: (item: Item) => string;
}

const itself = (item: Item): string => item;

export class BlockFile {
  /** Of each text where its record starts. */
  private readonly places = new Map<string, number>();
  private readonly cut = new Set<number>();
  private recordBytes = 0;

  private readonly what: string;
  private readonly keyOf: (item: Item) => string;

  private constructor(
    private readonly bytes: BlockBytes,
    { what = 'features', keyOf = itself }: BlockSubject,
    private readonly kept?: KeptBytes,
  ) {
    this.what = what;
    this.keyOf = keyOf;
  }

  /**
   * Opens or makes a file, which is this process's alone until it is closed.
   *
   * @throws {FungiError} INDEX_LOCKED when another process has it; STORAGE_FAILED
   */
  static async open(path: string, subject: BlockSubject = {}): Promise<BlockFile> {
    const kept = await KeptBytes.open(path);
    const blocks = new BlockFile(kept, subject, kept);
    try {
      await kept.truncate(await kept.reading((read) => blocks.load(read, kept.size)));
    } catch (error) {
      await kept.close();
      throw error;
    }
    return blocks;
  }

  /**
   * Blocks among others in one file, which stays open when these are closed.
   *
   * @param like a file whose whole records they begin with; another process may be adding to it
   * @throws {FungiError} STORAGE_FAILED
   */
  static async within(scratch: BlockBytes, subject: BlockSubject, like?: string): Promise<BlockFile> {
    const blocks = new BlockFile(scratch, subject);
    if (like === undefined) return blocks;
    await onStorage(`a copy of ${like}`, async () => {
      const { size } = await stat(like);
      await readingFile(like, (read) =>
        blocks.load(read, size, (records) => scratch.append(records, `a copy of ${blocks.what}`)),
      );
    });
    return blocks;
  }

  /** Values of a block; 0 while there is none. */
  get width(): number {
    return Math.max(0, (this.recordBytes - PREFIX) / 4);
  }

  has(item: Item): boolean {
    return this.places.has(placeKey(this.keyOf(item)));
  }

  /** Whether the end of a text that is here did not fit the encoder. */
  isTruncated(item: Item): boolean {
    return this.cut.has(this.placeOf(item));
  }

  /**
   * @param rows a block for each item, [n,M]
   * @param truncated for each item whether its end did not fit the encoder
   * @throws {FungiError} INVALID_VECTOR for a value that is not finite; STORAGE_FAILED; what was there before stays
   */
  async append(items: readonly Item[], rows: Float32Array, truncated: readonly boolean[]): Promise<void> {
    if (items.length === 0) return;
    const what = `${this.what} of ${items.length === 1 ? '1 text' : `${items.length} texts`}`;
    const width = rows.length / items.length;
    assertFinite(items, rows, width);
    if (this.recordBytes === 0) {
      await this.bytes.append(headerOf(width), what);
      this.recordBytes = PREFIX + 4 * width;
    }
    if (width !== this.width) throw new RangeError(`blocks of ${width} values in a file of ${this.width}`);
    const bytes = Buffer.alloc(items.length * this.recordBytes);
    items.forEach((item, i) => {
      const record = bytes.subarray(i * this.recordBytes, (i + 1) * this.recordBytes);
      digestOf(this.keyOf(item)).copy(record);
      record[KEY + CHECK] = truncated[i] ? TRUNCATED : 0;
      valuesOf(record).set(rows.subarray(i * width, (i + 1) * width));
      checkOf(record).copy(record, KEY);
    });
    this.enter(bytes, await this.bytes.append(bytes, what));
  }

  /**
   * Blocks of items that are here, [n,M].
   *
   * @param at where an item's block goes: `out[at + i·stride …]`
   */
  async read(items: readonly Item[], out: Float32Array, at: number, stride: number): Promise<void> {
    const places = items.map((item) => this.placeOf(item));
    await this.bytes.reading((read) =>
      this.readPlaces(read, places, (record, i) => {
        out.set(valuesOf(record), at + i * stride);
      }),
    );
  }

  private async readPlaces(
    read: ReadAt,
    places: readonly number[],
    take: (record: Buffer, i: number) => void,
  ): Promise<void> {
    const most = Math.max(1, Math.floor(PIECE / this.recordBytes));
    for (let from = 0; from < places.length;) {
      // Rows of one window were written side by side.
      let to = from + 1;
      while (to < places.length && to - from < most && places[to] === places[to - 1]! + this.recordBytes) to++;
      const bytes = Buffer.alloc((to - from) * this.recordBytes);
      const found = await read(bytes, places[from]!);
      if (found < bytes.length) throw cutShort(this.what);
      for (let i = from; i < to; i++)
        take(bytes.subarray((i - from) * this.recordBytes, (i - from + 1) * this.recordBytes), i);
      from = to;
    }
  }

  async close(): Promise<void> {
    await this.kept?.close();
  }

  private placeOf(item: Item): number {
    const place = this.places.get(placeKey(this.keyOf(item)));
    if (place === undefined) throw new RangeError(`no block of "${item.slice(0, 40)}" among ${this.what}`);
    return place;
  }

  /**
   * Enters what an earlier run left, up to the first record that is not whole.
   *
   * @param size bytes there are
   * @param keep where what is whole is copied to; gives its new place. By default it stays where it is
   * @returns bytes that are whole
   */
  private async load(read: ReadAt, size: number, keep?: (records: Buffer) => Promise<number>): Promise<number> {
    const header = Buffer.alloc(HEADER);
    const width = widthOf(header, await read(header, 0));
    if (width === undefined) return 0;
    await keep?.(header);
    this.recordBytes = PREFIX + 4 * width;
    const most = Math.max(1, Math.floor(PIECE / this.recordBytes));
    const end = HEADER + Math.floor((size - HEADER) / this.recordBytes) * this.recordBytes;
    let at = HEADER;
    while (at < end) {
      const bytes = Buffer.alloc(Math.min(most * this.recordBytes, end - at));
      await read(bytes, at);
      const whole = bytes.subarray(0, this.wholeRecords(bytes) * this.recordBytes);
      this.enter(whole, (await keep?.(whole)) ?? at);
      at += whole.length;
      if (whole.length < bytes.length) break;
    }
    return at;
  }

  private wholeRecords(bytes: Buffer): number {
    const total = bytes.length / this.recordBytes;
    for (let i = 0; i < total; i++) {
      const record = bytes.subarray(i * this.recordBytes, (i + 1) * this.recordBytes);
      if (!checkOf(record).equals(record.subarray(KEY, KEY + CHECK))) return i;
    }
    return total;
  }

  /** @param place where the first of the records starts */
  private enter(records: Buffer, place: number): void {
    for (let at = 0; at < records.length; at += this.recordBytes) {
      this.places.set(records.toString('latin1', at, at + KEY), place + at);
      if ((records[at + KEY + CHECK]! & TRUNCATED) !== 0) this.cut.add(place + at);
    }
  }
}

/** Blocks in a file of so many bytes, told by its header alone; 0 for a file that is none of ours. */
export async function countBlocks(path: string, size: number): Promise<number> {
  const header = Buffer.alloc(HEADER);
  const width = widthOf(header, await readingFile(path, (read) => read(header, 0)));
  return width === undefined ? 0 : Math.floor((size - HEADER) / (PREFIX + 4 * width));
}

/** A value that is no number would spoil every later run too. */
function assertFinite(items: readonly Item[], rows: Float32Array, width: number): void {
  const bad = rows.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const item = items[Math.floor(bad / width)]!;
  throw new FungiError('INVALID_VECTOR', `the features of "${item.slice(0, 60)}" hold ${rows[bad]!}`, {
    hint: 'The model computes no number there: check its file (fungi models inspect), or try --engine tfjs or another --precision.',
    details: { item, position: bad % width },
  });
}

function headerOf(width: number): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 'latin1');
  header.writeUInt32LE(width, MAGIC.length);
  createHash('sha256')
    .update(header)
    .digest()
    .copy(header, HEADER - CHECK, 0, CHECK);
  return header;
}

/** Undefined for what is no header of ours. */
function widthOf(header: Buffer, bytesRead: number): number | undefined {
  const width = header.readUInt32LE(MAGIC.length);
  return bytesRead === HEADER && header.equals(headerOf(width)) ? width : undefined;
}

const digestOf = (key: string): Buffer => createHash('sha256').update(key).digest().subarray(0, KEY);
const placeKey = (key: string): string => digestOf(key).toString('latin1');

/** Of all of a record but the check itself. */
const checkOf = (record: Buffer): Buffer =>
  createHash('sha256')
    .update(record.subarray(0, KEY))
    .update(record.subarray(KEY + CHECK))
    .digest()
    .subarray(0, CHECK);

/**
 * A view of a record's values. Records are multiples of four bytes in buffers of their own (Buffer.alloc takes none from its pool), so
 * that they are aligned; byte order is the machine's, little-endian wherever onnxruntime runs.
 */
const valuesOf = (record: Buffer): Float32Array =>
  new Float32Array(record.buffer, record.byteOffset + PREFIX, (record.length - PREFIX) / 4);
