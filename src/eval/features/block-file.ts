/**
 * One feature block of many texts, in a file that is only ever added to: a run that is killed loses the window it was at, and the next
 * one goes on from there.
 *
 * A record is the text's digest (16 bytes), a check of the record (8), flags (8), then the block's values as little-endian float32.
 * Records are checked when the file is opened, and it is cut at the first that is not whole.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Item } from '../../core/item.js';
import { FungiError } from '../../core/errors.js';
import { onStorage } from '../../core/storage-failure.js';
import { FileLock } from '../../core/file-lock.js';

const MAGIC = 'fungi-block-1\n\0\0';
/** Magic, the block's width as uint32, and a check of both. */
const HEADER = 32;
const [KEY, CHECK] = [16, 8];
const PREFIX = 32;
const TRUNCATED = 1;
/** Bytes read at once. */
const PIECE = 1 << 22;

export class BlockFile {
  private readonly places = new Map<string, number>();
  private readonly cut = new Set<number>();
  private count = 0;
  private recordBytes = 0;

  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    private readonly lock: FileLock | undefined,
  ) {}

  /**
   * Opens or makes the file, which is this process's alone until it is closed.
   *
   * @throws {FungiError} INDEX_LOCKED when another process has it; STORAGE_FAILED
   */
  static async open(path: string, { locked = true } = {}): Promise<BlockFile> {
    return onStorage(`features in ${path}`, async () => {
      await makeFolder(dirname(path));
      const lock = locked ? await FileLock.acquire(`${path}.lock`, `feature cache ${path}`, { waitMs: 0 }) : undefined;
      try {
        const file = await open(path, 'a+').then(async (made) => {
          await made.close();
          return open(path, 'r+');
        });
        const blocks = new BlockFile(path, file, lock);
        await blocks.load().catch(async (error: unknown) => {
          await file.close();
          throw error;
        });
        return blocks;
      } catch (error) {
        await lock?.release();
        throw error;
      }
    });
  }

  /** Values of a block; 0 while there is none. */
  get width(): number {
    return Math.max(0, (this.recordBytes - PREFIX) / 4);
  }

  has(item: Item): boolean {
    return this.places.has(keyOf(item));
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
    const width = rows.length / items.length;
    assertFinite(items, rows, width);
    if (this.recordBytes === 0) await this.begin(width);
    if (width !== this.width) throw new RangeError(`blocks of ${width} values in a file of ${this.width}`);
    const bytes = Buffer.alloc(items.length * this.recordBytes);
    items.forEach((item, i) => {
      const record = bytes.subarray(i * this.recordBytes, (i + 1) * this.recordBytes);
      digestOf(item).copy(record);
      record[KEY + CHECK] = truncated[i] ? TRUNCATED : 0;
      valuesOf(record).set(rows.subarray(i * width, (i + 1) * width));
      checkOf(record).copy(record, KEY);
    });
    await this.write(bytes, HEADER + this.count * this.recordBytes);
    this.enter(bytes);
  }

  /**
   * Blocks of items that are here, [n,M].
   *
   * @param at where an item's block goes: `out[at + i·stride …]`
   */
  async read(items: readonly Item[], out: Float32Array, at: number, stride: number): Promise<void> {
    const places = items.map((item) => this.placeOf(item));
    const most = Math.max(1, Math.floor(PIECE / this.recordBytes));
    for (let from = 0; from < places.length;) {
      // Rows of one window were written side by side.
      let to = from + 1;
      while (to < places.length && to - from < most && places[to] === places[to - 1]! + 1) to++;
      const bytes = await this.bytes(places[from]!, to - from);
      for (let i = from; i < to; i++) {
        const start = (i - from) * this.recordBytes;
        out.set(valuesOf(bytes.subarray(start, start + this.recordBytes)), at + i * stride);
      }
      from = to;
    }
  }

  async close(): Promise<void> {
    await this.file.close();
    await this.lock?.release();
  }

  private placeOf(item: Item): number {
    const place = this.places.get(keyOf(item));
    if (place === undefined) throw new RangeError(`no block of "${item.slice(0, 40)}" in ${this.path}`);
    return place;
  }

  private async begin(width: number): Promise<void> {
    await this.write(headerOf(width), 0);
    this.recordBytes = PREFIX + 4 * width;
  }

  /** All of it: a system may take less than it was given, and say so only by the count. */
  private async write(bytes: Buffer, position: number): Promise<void> {
    await onStorage(`features in ${this.path}`, async () => {
      for (let at = 0; at < bytes.length;) {
        at += (await this.file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
      }
    });
  }

  /** Reads what an earlier run left; what is not whole is dropped with all behind it. */
  private async load(): Promise<void> {
    const header = Buffer.alloc(HEADER);
    const { bytesRead } = await this.file.read(header, 0, HEADER, 0);
    const width = header.readUInt32LE(MAGIC.length);
    if (bytesRead === HEADER && header.equals(headerOf(width))) {
      this.recordBytes = PREFIX + 4 * width;
      const records = Math.floor(((await this.file.stat()).size - HEADER) / this.recordBytes);
      const most = Math.max(1, Math.floor(PIECE / this.recordBytes));
      for (let start = 0; start < records; start += most) {
        const bytes = await this.bytes(start, Math.min(most, records - start));
        const whole = this.wholeRecords(bytes);
        this.enter(bytes.subarray(0, whole * this.recordBytes));
        if (whole * this.recordBytes < bytes.length) break;
      }
    }
    await this.file.truncate(this.recordBytes === 0 ? 0 : HEADER + this.count * this.recordBytes);
  }

  private wholeRecords(bytes: Buffer): number {
    const total = bytes.length / this.recordBytes;
    for (let i = 0; i < total; i++) {
      const record = bytes.subarray(i * this.recordBytes, (i + 1) * this.recordBytes);
      if (!checkOf(record).equals(record.subarray(KEY, KEY + CHECK))) return i;
    }
    return total;
  }

  private enter(records: Buffer): void {
    for (let at = 0; at < records.length; at += this.recordBytes, this.count++) {
      this.places.set(records.toString('latin1', at, at + KEY), this.count);
      if ((records[at + KEY + CHECK]! & TRUNCATED) !== 0) this.cut.add(this.count);
    }
  }

  private async bytes(place: number, count: number): Promise<Buffer> {
    const bytes = Buffer.alloc(count * this.recordBytes);
    const { bytesRead } = await this.file.read(bytes, 0, bytes.length, HEADER + place * this.recordBytes);
    if (bytesRead < bytes.length) throw new RangeError(`${this.path} was cut while it was open`);
    return bytes;
  }
}

/** @throws {FungiError} STORAGE_FAILED also where a file, or a link to nothing, has the folder's name */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code !== 'EEXIST' && code !== 'ENOENT') throw cause;
    throw new FungiError('STORAGE_FAILED', `${folder} cannot be made: ${message}`, {
      hint: 'Remove what is there in its place, or name another cache folder (FUNGI_CACHE).',
      cause,
    });
  }
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

const digestOf = (item: Item): Buffer => createHash('sha256').update(item).digest().subarray(0, KEY);
const keyOf = (item: Item): string => digestOf(item).toString('latin1');

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
