/** Where a graph's weights lie, as its tensors name it, read without the weights. */
import { fromBinary, type DescMessage } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { readGraphFile, type Field, type GraphFile } from './graph-file.js';
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
} from './proto/onnx_pb.js';

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

/** Protobuf's own limit on messages in messages. */
const MAX_DEPTH = 100;

/**
 * Locations of the graph's external data, each once and sorted; '' for a tensor that names none. Nothing is promised of them: they
 * are whatever the file says.
 *
 * @throws {FungiError} MODEL_CORRUPT when the file is no whole ONNX graph
 */
export function externalLocations(graph: string): string[] {
  return readGraphFile(graph, (file) => {
    const search = new DataSearch(file);
    search.message(ModelProtoSchema, { start: 0, end: file.size }, 0);
    if (!search.hasGraph) throw new Error('it holds no graph');
    return [...search.locations].sort();
  });
}

class DataSearch {
  readonly locations = new Set<string>();
  hasGraph = false;

  constructor(private readonly file: GraphFile) {}

  /** @throws {Error} when the bytes are no message of the type */
  message(type: DescMessage, range: { start: number; end: number }, depth: number): void {
    if (depth > MAX_DEPTH) throw new Error(`messages are nested more than ${MAX_DEPTH} deep`);
    this.hasGraph ||= type === GraphProtoSchema;
    let isExternal = false;
    const named: string[] = [];
    for (const field of this.file.fields(range)) {
      const held = field.wire === WireType.LengthDelimited ? HELD.get(type)?.get(field.number) : undefined;
      if (held !== undefined) this.message(held, field, depth + 1);
      if (type !== TensorProtoSchema) continue;
      if (field.number === dataLocation.number) isExternal = field.value === EXTERNAL;
      if (field.number === externalData.number) named.push(...this.locationIn(field));
    }
    if (!isExternal) return;
    // Readers differ in which of two they take: all count.
    for (const location of named.length === 0 ? [''] : named) this.locations.add(location);
  }

  /** The value of an external_data entry, when its key is `location`. */
  private locationIn(field: Field): string[] {
    const content = this.file.content(field, 'the name of a data file');
    const { key, value } = fromBinary(StringStringEntryProtoSchema, content);
    return key === 'location' ? [value] : [];
  }
}
