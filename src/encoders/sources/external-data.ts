/**
 * The files that hold a graph's weights, as its tensors name them.
 *
 * The names say nothing: exporters write model.onnx_data, model.onnx.data, or whatever they were told. Only the graph is right.
 * It is read as a stream of protobuf fields (https://protobuf.dev/programming-guides/encoding/) so that weights inside the graph,
 * hundreds of megabytes of them, are stepped over.
 */
import { open, type FileHandle } from 'node:fs/promises';
import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FungiError } from '../../core/errors.js';
import {
  AttributeProtoSchema,
  FunctionProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  SparseTensorProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from '../../onnx/proto/onnx_pb.js';
import { isPlainPath } from './plain-path.js';

/** Messages on the way from a model to its tensors. */
const HOLDERS: readonly DescMessage[] = [
  ModelProtoSchema,
  GraphProtoSchema,
  FunctionProtoSchema,
  NodeProtoSchema,
  AttributeProtoSchema,
  SparseTensorProtoSchema,
  TensorProtoSchema,
];
/** For each of them, by field number: what a field holds, when tensors can be in it. */
const HELD = new Map(
  HOLDERS.map((type) => [
    type,
    new Map(
      type.fields.flatMap(({ number, message }) =>
        message !== undefined && HOLDERS.includes(message) ? [[number, message] as const] : [],
      ),
    ),
  ]),
);
const { externalData, dataLocation } = TensorProtoSchema.field;
const EXTERNAL: number = TensorProto_DataLocation.EXTERNAL;

/** Bytes read at once: most of a graph's messages are small and lie side by side. */
const WINDOW_BYTES = 2 ** 15;
/** Two varints, the longest there are. */
const HEADER_BYTES = 20;
/** Protobuf's own limit on messages in messages. */
const MAX_DEPTH = 100;

/**
 * Locations of the graph's external data, each once and sorted.
 *
 * @returns file names: the data lie beside the graph
 * @throws {FungiError} MODEL_CORRUPT when the file is no whole ONNX graph; MODEL_UNSUPPORTED when a tensor names a place that is
 *   not in the graph's own folder
 */
export async function externalDataFiles(graph: string): Promise<string[]> {
  const file = await open(graph);
  const { size } = await file.stat();
  try {
    const reader = new GraphReader(file, graph);
    await reader.message(ModelProtoSchema, 0, size, 0);
    if (!reader.hasGraph) throw new Error(size === 0 ? 'the file is empty' : 'it holds no graph');
    return [...reader.locations].sort();
  } catch (cause) {
    if (FungiError.is(cause) || isReadError(cause)) throw cause;
    const reason = (cause as Error).message;
    throw new FungiError('MODEL_CORRUPT', `${graph} (${size} bytes) is not a whole ONNX model: ${reason}`, {
      hint: 'Download it again; a truncated download is the usual cause.',
      cause,
    });
  } finally {
    await file.close();
  }
}

class GraphReader {
  readonly locations = new Set<string>();
  hasGraph = false;
  private window = new Uint8Array();
  private windowStart = 0;

  constructor(
    private readonly file: FileHandle,
    private readonly path: string,
  ) {}

  /** Reads the fields between `start` and `end`. @throws {Error} when they are no message */
  async message(type: DescMessage, start: number, end: number, depth: number): Promise<void> {
    if (depth > MAX_DEPTH) throw new Error(`messages are nested more than ${MAX_DEPTH} deep`);
    this.hasGraph ||= type === GraphProtoSchema;
    let isExternal = false;
    const named: string[] = [];
    for (let at = start; at < end;) {
      const field = fieldAt(await this.bytes(at, Math.min(HEADER_BYTES, end - at)));
      const from = at + field.headerBytes;
      at = from + field.bytes;
      if (at > end) throw new Error(`a field ends at byte ${at}, what holds it ends at ${end}`);
      const held = field.wire === WireType.LengthDelimited ? HELD.get(type)?.get(field.number) : undefined;
      if (held !== undefined) await this.message(held, from, at, depth + 1);
      if (type !== TensorProtoSchema) continue;
      if (field.number === dataLocation.number) isExternal = field.value === EXTERNAL;
      if (field.number === externalData.number) named.push(...(await this.locationIn(from, field.bytes)));
    }
    if (!isExternal) return;
    // Readers differ in which of two they take: all have to be safe, and all count.
    for (const location of named.length === 0 ? [''] : named) this.locations.add(this.checked(location));
  }

  /** The value of an external_data entry, when its key is `location`. */
  private async locationIn(from: number, bytes: number): Promise<string[]> {
    if (bytes > WINDOW_BYTES) throw new Error(`the name of a data file takes ${bytes} bytes`);
    const { key, value } = fromBinary(StringStringEntryProtoSchema, await this.bytes(from, bytes));
    return key === 'location' ? [value] : [];
  }

  private checked(location: string): string {
    if (isFileName(location)) return location;
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${this.path}: its weights are in ${JSON.stringify(location)}, which is no file of the graph's own folder`,
      {
        hint: 'Save it again with the data beside the graph: `onnx.save_model(model, path, save_as_external_data=True, location="model.onnx_data")`.',
        details: { path: this.path, location },
      },
    );
  }

  private async bytes(start: number, length: number): Promise<Uint8Array> {
    const offset = start - this.windowStart;
    if (offset >= 0 && offset + length <= this.window.length) return this.window.subarray(offset, offset + length);
    const buffer = new Uint8Array(WINDOW_BYTES);
    const { bytesRead } = await this.file.read(buffer, 0, buffer.length, start);
    if (bytesRead < length) throw new Error('it was cut short while it was read');
    [this.window, this.windowStart] = [buffer.subarray(0, bytesRead), start];
    return this.window.subarray(0, length);
  }
}

interface Field {
  readonly number: number;
  readonly wire: WireType;
  /** Of a varint. */
  readonly value: number;
  readonly headerBytes: number;
  /** What follows the header. */
  readonly bytes: number;
}

/** The field that starts with these bytes. @throws {Error} when none can */
function fieldAt(bytes: Uint8Array): Field {
  const reader = new BinaryReader(bytes);
  const [number, wire] = reader.tag();
  const value = wire === WireType.Varint || wire === WireType.LengthDelimited ? Number(reader.uint64()) : 0;
  const field = { number, wire, value, headerBytes: reader.pos };
  switch (wire) {
    case WireType.Varint:
      return { ...field, bytes: 0 };
    case WireType.LengthDelimited:
      return { ...field, bytes: value };
    case WireType.Bit64:
      return { ...field, bytes: 8 };
    case WireType.Bit32:
      return { ...field, bytes: 4 };
    default:
      throw new Error(`a field has wire type ${wire}`);
  }
}

/** Windows has drives and backslashes, and onnxruntime marks memory addresses with a path of their own. */
const isFileName = (location: string): boolean => isPlainPath(location) && !location.includes('/');

/** As against a graph that is damaged. */
const isReadError = (error: unknown): boolean => error instanceof Error && 'syscall' in error;
