/**
 * An ONNX file as a stream of protobuf fields (https://protobuf.dev/programming-guides/encoding/), for what can be learnt of a model
 * without its weights: hundreds of megabytes of them are stepped over. Synchronous, since a graph has some ten thousand fields and
 * waiting for each would cost more than reading them.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FungiError } from '../core/errors.js';

/** Bytes read at once: most of a graph's messages are small and lie side by side. */
const WINDOW_BYTES = 2 ** 15;
/** Two varints, the longest there are. */
const HEADER_BYTES = 20;
const CUT_SHORT = 'it was cut short while it was read';

export interface Field {
  readonly number: number;
  readonly wire: WireType;
  /** Of a varint. */
  readonly value: number;
  /** First byte of the field, of its content, and the byte after it. */
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/**
 * What `read` makes of the graph at `path`.
 *
 * @throws {FungiError} MODEL_CORRUPT when `read` throws anything else, other than a failure of the disk
 */
export function readGraphFile<T>(path: string, read: (graph: GraphFile) => T): T {
  const file = openSync(path, 'r');
  const { size } = fstatSync(file);
  try {
    if (size === 0) throw new Error('the file is empty');
    return read(new GraphFile(file, path, size));
  } catch (cause) {
    if (FungiError.is(cause) || isReadError(cause)) throw cause;
    const reason = (cause as Error).message;
    throw new FungiError('MODEL_CORRUPT', `${path} (${size} bytes) is not a whole ONNX model: ${reason}`, {
      hint: 'Download it again; a truncated download is the usual cause.',
      cause,
    });
  } finally {
    closeSync(file);
  }
}

export class GraphFile {
  private window = new Uint8Array();
  private windowStart = 0;

  constructor(
    private readonly descriptor: number,
    readonly path: string,
    readonly size: number,
  ) {}

  /** Fields of the message between `start` and `end`. @throws {Error} when there is none */
  *fields({ start, end }: { readonly start: number; readonly end: number }): Generator<Field> {
    for (let at = start; at < end;) {
      const field = fieldAt(at, this.bytes(at, Math.min(HEADER_BYTES, end - at)));
      at = field.end;
      if (at > end) throw new Error(`a field ends at byte ${at}, what holds it ends at ${end}`);
      yield field;
    }
  }

  /** Content of a field that cannot be large. @throws {Error} when it is */
  content({ start, end }: Field, what: string): Uint8Array {
    if (end - start > WINDOW_BYTES) throw new Error(`${what} takes ${end - start} bytes`);
    return this.bytes(start, end - start);
  }

  /** Any part of the file, in memory of its own. */
  read(start: number, length: number): Uint8Array {
    if (length <= WINDOW_BYTES) return this.bytes(start, length).slice();
    const whole = new Uint8Array(length);
    if (readSync(this.descriptor, whole, 0, length, start) < length) throw new Error(CUT_SHORT);
    return whole;
  }

  private bytes(start: number, length: number): Uint8Array {
    const offset = start - this.windowStart;
    if (offset >= 0 && offset + length <= this.window.length) return this.window.subarray(offset, offset + length);
    const buffer = new Uint8Array(WINDOW_BYTES);
    const bytesRead = readSync(this.descriptor, buffer, 0, buffer.length, start);
    if (bytesRead < length) throw new Error(CUT_SHORT);
    [this.window, this.windowStart] = [buffer.subarray(0, bytesRead), start];
    return this.window.subarray(0, length);
  }
}

/** The field that starts with these bytes. @throws {Error} when none can */
function fieldAt(at: number, bytes: Uint8Array): Field {
  const reader = new BinaryReader(bytes);
  const [number, wire] = reader.tag();
  const value = wire === WireType.Varint || wire === WireType.LengthDelimited ? Number(reader.uint64()) : 0;
  const start = at + reader.pos;
  const field = (length: number): Field => ({ number, wire, value, at, start, end: start + length });
  switch (wire) {
    case WireType.Varint:
      return field(0);
    case WireType.LengthDelimited:
      return field(value);
    case WireType.Bit64:
      return field(8);
    case WireType.Bit32:
      return field(4);
    default:
      throw new Error(`a field has wire type ${wire}`);
  }
}

/** As against a graph that is damaged. */
const isReadError = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
