/**
 * Raw features on their way into an index: a file that grows by whole windows and survives a kill, so that no text is encoded
 * twice. Each window is recorded, with its checksum, only after its bytes are on the disk.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFileWith } from '../core/atomic-file.js';
import { FungiError } from '../core/errors.js';
import { silentLogger, type Logger } from '../core/log.js';
import { onStorage, unlessMissing } from '../core/storage-failure.js';
import { assertPositive } from './rows.js';

/** What the staged rows belong to. */
export interface StagePlan {
  /** Of settings and data: rows staged under another one are worthless. */
  readonly fingerprint: string;
  /** F: length of a raw feature. */
  readonly width: number;
}

const planSchema = z.strictObject({ schemaVersion: z.literal(1), fingerprint: z.string(), width: z.int().positive() });
const windowSchema = z.strictObject({
  rows: z.int().positive(),
  /** Rows whose text was cut. */
  truncated: z.int().nonnegative(),
  /** Of the rows' bytes and `truncated`. */
  sha256: z.string(),
});
type Window = z.infer<typeof windowSchema>;

/** Float32 on disk is little-endian, as on every platform that the native runtimes support. */
const BYTES = Float32Array.BYTES_PER_ELEMENT;
const READ_WRITE = constants.O_RDWR | constants.O_CREAT;

export class StagedFeatures {
  private windows: readonly Window[] = [];

  private constructor(
    private readonly folder: string,
    /** F */
    readonly width: number,
    private readonly values: FileHandle,
    private readonly progress: FileHandle,
    private readonly subject: string,
  ) {}

  /**
   * Opens the stage in `folder`: with the rows of complete windows when it was begun under the same plan, empty otherwise.
   *
   * @param subject what is staged, for the log, e.g. `index "bank"`
   * @throws {FungiError} STORAGE_FAILED, INVALID_ARGUMENT
   */
  static async open(
    folder: string,
    plan: StagePlan,
    logger: Logger = silentLogger,
    subject = folder,
  ): Promise<StagedFeatures> {
    assertPositive(plan.width, 'width');
    return onStorage(`staging features in ${folder}`, async () => {
      const known = parseAs(planSchema, (await unlessMissing(readFile(join(folder, 'plan.json'), 'utf8'))) ?? '');
      if (known?.fingerprint !== plan.fingerprint || known.width !== plan.width) {
        if (known !== undefined)
          logger.warn(`${subject}: the features of an unfinished build are of other data or settings: starting over`);
        await rm(folder, { recursive: true, force: true });
        const { fingerprint, width } = plan;
        await replaceFileWith(join(folder, 'plan.json'), JSON.stringify({ schemaVersion: 1, fingerprint, width }));
      }
      const values = await open(join(folder, 'features.f32'), READ_WRITE);
      const progress = await open(join(folder, 'progress.jsonl'), READ_WRITE);
      const stage = new StagedFeatures(folder, plan.width, values, progress, subject);
      try {
        await stage.recover(logger);
      } catch (error) {
        await stage.close();
        throw error;
      }
      return stage;
    });
  }

  /** Rows that need not be computed again. */
  get rowsDone(): number {
    return rowsOf(this.windows);
  }

  /** How many of {@link rowsDone} were made from a text that did not fit the encoder. */
  get truncated(): number {
    return this.windows.reduce((sum, { truncated }) => sum + truncated, 0);
  }

  /**
   * Adds the next rows, [rows,F] row-major. They are on the disk when it returns.
   *
   * @param truncated how many of them were made from a text that was cut
   * @throws {FungiError} INVALID_VECTOR (and nothing is added), STORAGE_FAILED
   */
  async append(rows: Float32Array, truncated = 0): Promise<void> {
    const count = rows.length / this.width;
    if (!Number.isSafeInteger(count) || count === 0) {
      throw new FungiError('INVALID_VECTOR', `a window of ${rows.length} values is not made of rows of ${this.width}`);
    }
    const bad = rows.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const row = this.rowsDone + Math.floor(bad / this.width);
      throw new FungiError(
        'INVALID_VECTOR',
        `row ${row}: value ${bad % this.width} of the raw feature is ${rows[bad]!}`,
        {
          details: { row, position: bad % this.width },
        },
      );
    }
    const bytes = new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength);
    const window = { rows: count, truncated, sha256: digest(bytes, truncated) };
    await onStorage(`staging features in ${this.folder}`, async () => {
      // At fixed places: what a failed call left behind is overwritten.
      await writeAt(this.values, bytes, this.rowsDone * this.width * BYTES);
      await writeAt(this.progress, Buffer.from(toLine(window)), Buffer.byteLength(this.windows.map(toLine).join('')));
    });
    this.windows = [...this.windows, window];
  }

  /**
   * The rows in order, `window` of them at a time: [window,F], the last one shorter. Memory is bounded by the larger of the
   * windows written and read.
   *
   * @throws {FungiError} INDEX_CORRUPT when the bytes are not those that were written
   */
  async *read({ window = 1024 }: { readonly window?: number } = {}): AsyncGenerator<Float32Array> {
    assertPositive(window, 'window');
    const size = window * this.width;
    let out = new Float32Array(size);
    let filled = 0;
    for await (const part of this.parts()) {
      for (let taken = 0; taken < part.length;) {
        const length = Math.min(size - filled, part.length - taken);
        out.set(part.subarray(taken, taken + length), filled);
        filled += length;
        taken += length;
        if (filled === size) {
          yield out;
          out = new Float32Array(size);
          filled = 0;
        }
      }
    }
    if (filled > 0) yield out.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.values.close();
    await this.progress.close();
  }

  /** Keeps the windows that are recorded and intact, and cuts both files behind them. */
  private async recover(logger: Logger): Promise<void> {
    const windows: Window[] = [];
    // What follows the last newline is a record that was being written.
    for (const line of (await this.progress.readFile('utf8')).split('\n').slice(0, -1)) {
      const window = parseAs(windowSchema, line);
      if (window === undefined || (await this.load(window, rowsOf(windows))) === undefined) {
        logger.warn(
          `${this.subject}: the staged rows from ${rowsOf(windows)} on are damaged and will be computed again`,
        );
        break;
      }
      windows.push(window);
    }
    this.windows = windows;
    await this.values.truncate(this.rowsDone * this.width * BYTES);
    await this.progress.truncate(Buffer.byteLength(windows.map(toLine).join('')));
    if (this.rowsDone > 0)
      logger.info(`${this.subject}: ${this.rowsDone === 1 ? '1 row is' : `${this.rowsDone} rows are`} done already`);
  }

  private async *parts(): AsyncGenerator<Float32Array> {
    let row = 0;
    for (const window of this.windows) {
      const first = row;
      const part = await onStorage(`reading ${this.folder}`, () => this.load(window, first));
      if (part === undefined) {
        throw new FungiError('INDEX_CORRUPT', `${this.folder}: the staged rows from ${row} on are damaged`, {
          hint: 'Run the same command again: it recomputes them.',
          details: { row },
        });
      }
      yield part;
      row += window.rows;
    }
  }

  /** The window that begins at row `first`, or undefined when its bytes are not those that were written. */
  private async load(window: Window, first: number): Promise<Float32Array | undefined> {
    const start = first * this.width * BYTES;
    const length = window.rows * this.width * BYTES;
    // Asked first, since a damaged record may claim more than there is memory.
    if ((await this.values.stat()).size < start + length) return undefined;
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.values.read(bytes, done, length - done, start + done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
    }
    return digest(bytes, window.truncated) === window.sha256 ? new Float32Array(bytes.buffer) : undefined;
  }
}

const digest = (bytes: Uint8Array, truncated: number): string =>
  createHash('sha256').update(bytes).update(` ${truncated}`).digest('hex');
const rowsOf = (windows: readonly Window[]): number => windows.reduce((sum, { rows }) => sum + rows, 0);
const toLine = (window: Window): string => `${JSON.stringify(window)}\n`;

async function writeAt(file: FileHandle, bytes: Uint8Array, start: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, start + done)).bytesWritten;
  }
  await file.datasync();
}

function parseAs<T>(schema: z.ZodType<T>, text: string): T | undefined {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
