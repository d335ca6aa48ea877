/**
 * The safetensors format: eight bytes of header length, a JSON header, the tensors one after the other. Read with every
 * bound checked, because a damaged weight file would otherwise surface as wrong numbers; written atomically, the same
 * tensors always giving the same bytes.
 *
 * Format: https://github.com/huggingface/safetensors#format (little-endian, no holes between tensors).
 */
import { open, type FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { replaceFile } from './atomic-file.js';
import { FungiError } from './errors.js';

/** Bytes an element takes, for the types we know. Others may stand in a header, and only fail when they are read. */
const BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  I64: 8,
  U64: 8,
  F64: 8,
} as const satisfies Record<string, number>;

/** The types that have a typed array, and can therefore be read and written. */
const ARRAYS = {
  F32: Float32Array,
  F64: Float64Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I8: Int8Array,
  U8: Uint8Array,
} as const;

/** Limit of the reference implementation; a longer header is damage, not data. */
const MAX_HEADER_BYTES = 100_000_000;

export type SafetensorsDtype = keyof typeof ARRAYS;
export type SafetensorsData = Float32Array | Float64Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;

/** Where a tensor lies in its file. */
export interface SafetensorsEntry {
  /** As the file spells it, e.g. `F32`, `BF16`. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte, counted from the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A row-major tensor with its values. */
export interface SafetensorsTensor {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly data: SafetensorsData;
}

const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().nonnegative()),
  data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * Reads where each tensor lies, without reading the tensors.
 *
 * @throws {FungiError} FILE_NOT_FOUND; MODEL_CORRUPT when header, offsets and file size do not agree
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  return withFile(path, (file) => readHeader(file, path));
}

/**
 * Reads all tensors, each into memory of its own.
 *
 * @throws {FungiError} FILE_NOT_FOUND; MODEL_CORRUPT; MODEL_UNSUPPORTED when a tensor's type has no typed array (F16, BF16 …)
 */
export async function readSafetensors(path: string): Promise<Map<string, SafetensorsTensor>> {
  return withFile(path, async (file) => {
    const { tensors } = await readHeader(file, path);
    const out = new Map<string, SafetensorsTensor>();
    for (const [name, { dtype, shape, offset, bytes }] of tensors) {
      if (!isReadable(dtype)) {
        throw new FungiError('MODEL_UNSUPPORTED', `${path}: tensor "${name}" has type ${dtype}; read are ${READABLE}`);
      }
      const raw = await readExactly(file, path, offset, bytes);
      const array = ARRAYS[dtype];
      out.set(name, { dtype, shape, data: new array(raw.buffer, 0, bytes / array.BYTES_PER_ELEMENT) });
    }
    return out;
  });
}

/**
 * Replaces `path` with these tensors. Names are sorted, so equal tensors give equal bytes.
 *
 * @throws {FungiError} INVALID_ARGUMENT when a shape does not hold its data
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const header = Object.create(null) as Record<string, unknown>; // no prototype: a tensor may be called __proto__
  const metadataKeys = Object.keys(metadata).sort();
  if (metadataKeys.length > 0)
    header['__metadata__'] = Object.fromEntries(metadataKeys.map((key) => [key, metadata[key]]));
  let end = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    if (name === '__metadata__' || elements(shape) !== data.length || !(data instanceof ARRAYS[dtype])) {
      throw new FungiError(
        'INVALID_ARGUMENT',
        `safetensors: tensor "${name}" of type ${dtype} and shape [${shape.join(', ')}] cannot hold ${data.length} values of ${data.constructor.name}`,
      );
    }
    header[name] = { dtype, shape, data_offsets: [end, (end += data.byteLength)] };
  }
  const json = Buffer.from(JSON.stringify(header));
  // Padded with spaces to eight bytes, as the reference writer does: float64 tensors that come first stay aligned.
  const padded = Math.ceil(json.length / 8) * 8;
  const head = Buffer.alloc(8 + padded, ' ');
  head.writeBigUInt64LE(BigInt(padded));
  json.copy(head, 8);
  await replaceFile(path, async (file) => {
    await file.writeFile(head);
    for (const [, { data }] of sorted) {
      await file.writeFile(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
}

const READABLE = Object.keys(ARRAYS).join(', ');
const isReadable = (dtype: string): dtype is SafetensorsDtype => Object.hasOwn(ARRAYS, dtype);
const elements = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new FungiError('FILE_NOT_FOUND', `${path}: cannot be opened`, { cause });
  }
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function readExactly(
  file: FileHandle,
  path: string,
  offset: number,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const target = new Uint8Array(bytes);
  for (let done = 0; done < bytes;) {
    const { bytesRead } = await file.read(target, done, bytes - done, offset + done);
    if (bytesRead === 0) throw corrupt(path, `ends at byte ${offset + done}, needs ${offset + bytes}`);
    done += bytesRead;
  }
  return target;
}

const corrupt = (path: string, reason: string): FungiError =>
  new FungiError('MODEL_CORRUPT', `${path}: not a valid safetensors file: ${reason}`, {
    hint: 'Fetch or make the file again.',
    details: { path },
  });

async function readHeader(file: FileHandle, path: string): Promise<SafetensorsHeader> {
  const { size } = await file.stat();
  if (size < 8) throw corrupt(path, `${size} bytes are too few for a header`);
  const prefix = await readExactly(file, path, 0, 8);
  const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
  if (length > Math.min(MAX_HEADER_BYTES, size - 8)) {
    throw corrupt(path, `the header claims ${length} bytes, the file has ${size} and the limit is ${MAX_HEADER_BYTES}`);
  }
  const start = 8 + length;
  const { metadata, entries } = parseHeader(await readExactly(file, path, 8, length), path);

  const tensors = new Map<string, SafetensorsEntry>();
  for (const [name, { dtype, shape, data_offsets: range }] of entries) {
    const bytes = range[1] - range[0];
    const width = (BYTES as Record<string, number | undefined>)[dtype];
    if (width !== undefined && elements(shape) * width !== bytes) {
      throw corrupt(
        path,
        `tensor "${name}" (${dtype} [${shape.join(', ')}]) takes ${elements(shape) * width} bytes, not ${bytes}`,
      );
    }
    tensors.set(name, { dtype, shape, offset: start + range[0], bytes });
  }
  checkTiling(tensors, start, size, path);
  return { tensors, metadata };
}

function parseHeader(raw: Uint8Array, path: string) {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch (cause) {
    throw corrupt(path, `the header is not JSON: ${(cause as Error).message}`);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw corrupt(path, 'the header is not a JSON object');
  const { __metadata__: meta = {}, ...rest } = json as Record<string, unknown>;
  const metadata = metadataSchema.safeParse(meta);
  if (!metadata.success) throw corrupt(path, '__metadata__ is not a map of strings');
  const entries = Object.entries(rest).map(([name, value]) => {
    const entry = entrySchema.safeParse(value);
    if (!entry.success)
      throw corrupt(path, `the entry of tensor "${name}" is malformed: ${JSON.stringify(value).slice(0, 200)}`);
    return [name, entry.data] as const;
  });
  return { metadata: metadata.data, entries };
}

/** The format allows neither overlap nor holes, so tensors in order of offset must tile the rest of the file. */
function checkTiling(tensors: ReadonlyMap<string, SafetensorsEntry>, start: number, size: number, path: string): void {
  let expected = start;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  for (const [name, { offset, bytes }] of inOrder) {
    if (offset !== expected || bytes < 0) {
      throw corrupt(path, `tensor "${name}" starts at byte ${offset}, where the one before it ends at ${expected}`);
    }
    expected = offset + bytes;
    if (expected > size)
      throw corrupt(path, `tensor "${name}" ends at byte ${expected}, the file at ${size}: it is truncated`);
  }
  if (expected !== size) throw corrupt(path, `the tensors end at byte ${expected}, the file at ${size}`);
}
