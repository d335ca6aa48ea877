/** The values of a TensorProto, wherever they are kept: in raw bytes, in typed fields, or in a file beside the model. */
import { open } from 'node:fs/promises';
import { FungiError } from '../core/errors.js';
import { externalPath } from './external-path.js';
import { fromBfloat16, fromFloat16 } from './half.js';
import type { TensorProto } from './proto/onnx_pb.js';
import { sizeOf } from './shape.js';
import { elementType, isExternal, tensorShape, type ElementType } from './tensor.js';

/** A dense row-major tensor. The 16-bit floating-point types are float32 here, which holds all of their values. */
export interface TensorData {
  readonly type: Exclude<ElementType, 'float16' | 'bfloat16'>;
  readonly data: Float32Array | Float64Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;
  readonly shape: readonly number[];
}

/** Bytes of one element. */
const WIDTHS: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float64: 8,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  int8: 1,
  uint8: 1,
  bool: 1,
};

/**
 * @param folder where the model lies, and with it the files that its external data are in
 * @param model names the graph in errors
 * @throws {FungiError} MODEL_CORRUPT when the bytes there are not those of the shape, naming file and bytes; MODEL_UNSUPPORTED for
 *   strings, complex numbers and other types that no encoder uses
 */
export async function tensorData(tensor: TensorProto, folder: string, model: string): Promise<TensorData> {
  if (!isExternal(tensor)) return inlineTensorData(tensor, model);
  const type = elementType(tensor.dataType);
  return decoded(tensor, type, await externalBytes(tensor, elements(tensor) * WIDTHS[type], folder, model));
}

/** The same of a tensor whose values travel inside the model. @throws {FungiError} as `tensorData` */
export function inlineTensorData(tensor: TensorProto, model: string): TensorData {
  const type = elementType(tensor.dataType);
  const count = elements(tensor);
  if (isExternal(tensor)) throw corrupt(tensor, model, 'its values lie in another file');
  const bytes = tensor.rawData.length > 0 ? tensor.rawData : fieldBytes(tensor, type);
  const expected = count * WIDTHS[type];
  if (bytes.length !== expected) {
    const size = `${bytes.length} bytes, its shape [${tensorShape(tensor).join()}] of ${type} takes ${expected}`;
    throw corrupt(tensor, model, size);
  }
  return decoded(tensor, type, bytes);
}

const elements = (tensor: TensorProto): number => sizeOf(tensorShape(tensor));

function corrupt(tensor: TensorProto, place: string, reason: string, cause?: unknown): FungiError {
  return new FungiError('MODEL_CORRUPT', `${place}: tensor "${tensor.name}": ${reason}`, {
    hint: 'Download the model again; a truncated download is the usual cause.',
    details: { tensor: tensor.name, place },
    cause,
  });
}

/** Typed fields as the bytes that `raw_data` would hold; 32-bit and smaller integers, booleans and 16-bit floats share one field. */
function fieldBytes(tensor: TensorProto, type: ElementType): Uint8Array {
  const array = {
    float32: () => Float32Array.from(tensor.floatData),
    float64: () => Float64Array.from(tensor.doubleData),
    float16: () => Uint16Array.from(tensor.int32Data),
    bfloat16: () => Uint16Array.from(tensor.int32Data),
    int64: () => BigInt64Array.from(tensor.int64Data),
    int32: () => Int32Array.from(tensor.int32Data),
    int8: () => Int8Array.from(tensor.int32Data),
    uint8: () => Uint8Array.from(tensor.int32Data),
    bool: () => Uint8Array.from(tensor.int32Data),
  }[type]();
  return new Uint8Array(array.buffer);
}

/** @param bytes little-endian, as many as the shape takes */
function decoded(tensor: TensorProto, type: ElementType, bytes: Uint8Array): TensorData {
  // A view needs its elements aligned, and the bytes may start anywhere in a larger buffer (`slice` of a Buffer would not copy them).
  const { buffer } = new Uint8Array(bytes);
  const shape = tensorShape(tensor);
  switch (type) {
    case 'float16':
      return { type: 'float32', data: fromFloat16(new Uint16Array(buffer)), shape };
    case 'bfloat16':
      return { type: 'float32', data: fromBfloat16(new Uint16Array(buffer)), shape };
    case 'float32':
      return { type, data: new Float32Array(buffer), shape };
    case 'float64':
      return { type, data: new Float64Array(buffer), shape };
    case 'int64':
      return { type, data: new BigInt64Array(buffer), shape };
    case 'int32':
      return { type, data: new Int32Array(buffer), shape };
    case 'int8':
      return { type, data: new Int8Array(buffer), shape };
    case 'uint8':
    case 'bool':
      return { type, data: new Uint8Array(buffer), shape };
  }
}

async function externalBytes(
  tensor: TensorProto,
  expected: number,
  folder: string,
  model: string,
): Promise<Uint8Array> {
  const named = Object.fromEntries(tensor.externalData.map(({ key, value }) => [key, value]));
  const { location = '', offset = '0', length = String(expected) } = named;
  const path = externalPath(folder, location, model);
  const [start, size] = [Number(offset), Number(length)];
  const range = `bytes ${offset} to ${offset} + ${length}`;
  if (!Number.isSafeInteger(start) || start < 0 || size !== expected) {
    const shape = `[${tensorShape(tensor).join()}]`;
    throw corrupt(tensor, path, `${range} are named for it, its shape ${shape} takes ${expected} bytes`);
  }
  const { bytes, bytesRead, fileSize } = await readRange(path, start, size).catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw corrupt(tensor, path, `${range} cannot be read: ${reason}`, cause);
  });
  if (bytesRead < size) throw corrupt(tensor, path, `${range} are named for it, the file has ${fileSize} bytes`);
  return bytes;
}

async function readRange(
  path: string,
  start: number,
  size: number,
): Promise<{ bytes: Uint8Array; bytesRead: number; fileSize: number }> {
  const file = await open(path, 'r');
  try {
    const bytes = new Uint8Array(size);
    let bytesRead = 0;
    // One read gives 2 GiB at most.
    while (bytesRead < size) {
      const { bytesRead: more } = await file.read(
        bytes,
        bytesRead,
        Math.min(size - bytesRead, 2 ** 30),
        start + bytesRead,
      );
      if (more === 0) break;
      bytesRead += more;
    }
    const fileSize = bytesRead < size ? (await file.stat()).size : start + size;
    return { bytes, bytesRead, fileSize };
  } finally {
    await file.close();
  }
}
