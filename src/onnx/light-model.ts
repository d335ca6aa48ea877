/**
 * A model file without its weights: everything of it is read but the raw bytes of large constants, which become references to where
 * they lie. A gigabyte of weights costs no memory and no time. Weights in typed fields (float_data), which few tools write, are read.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { readGraphFile, type Field, type GraphFile } from './graph-file.js';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  TensorProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from './proto/onnx_pb.js';
import { externalTensor, inlineTensor, isExternal, tensorShape } from './tensor.js';

/** Constants up to this many bytes stay inline: shapes, axes and scalars must be readable when the graph is analysed. */
const INLINE_BYTES = 1024;

const { graph: GRAPH } = ModelProtoSchema.field;
const { initializer: INITIALIZER } = GraphProtoSchema.field;
const { rawData: RAW_DATA } = TensorProtoSchema.field;

/**
 * @param location name of the file, as references to its bytes give it
 * @throws {FungiError} MODEL_CORRUPT when it is no whole ONNX model
 */
export function readLightModel(path: string, location: string): ModelProto {
  return readGraphFile(path, (file) => {
    const reader = new LightReader(file, location);
    const model = reader.model();
    if (model.graph === undefined || model.graph.node.length === 0) throw new Error('it holds no graph');
    withShortDomain(model.graph.node);
    hoistConstants(model.graph);
    model.graph.initializer = model.graph.initializer.map((tensor) => reader.externalised(tensor));
    return model;
  });
}

/** Fields of a message, put together again without some of them. */
interface Pieces {
  readonly bytes: Uint8Array[];
  length: number;
}

class LightReader {
  /** Where the pieces of the graph, which fields are read from, lie in the file: [first byte among the pieces, in the file]. */
  private readonly places: (readonly [number, number])[] = [];
  private graphBytes = new Uint8Array();

  constructor(
    private readonly file: GraphFile,
    private readonly location: string,
  ) {}

  model(): ModelProto {
    const rest: Pieces = { bytes: [], length: 0 };
    const graph: Pieces = { bytes: [], length: 0 };
    const initializers: TensorProto[] = [];
    let hasGraph = false;
    for (const field of this.file.fields({ start: 0, end: this.file.size })) {
      if (!holds(field, GRAPH.number)) {
        this.keep(rest, field);
        continue;
      }
      hasGraph = true;
      for (const inner of this.file.fields(field)) {
        if (holds(inner, INITIALIZER.number)) initializers.push(this.tensor(inner));
        else {
          this.places.push([graph.length, inner.at]);
          this.keep(graph, inner);
        }
      }
    }
    const model = fromBinary(ModelProtoSchema, Buffer.concat(rest.bytes));
    if (!hasGraph) return model;
    // A buffer of its own: constants among the nodes are known by their place in it.
    this.graphBytes = new Uint8Array(Buffer.concat(graph.bytes));
    model.graph = fromBinary(GraphProtoSchema, this.graphBytes);
    model.graph.initializer.push(...initializers);
    return model;
  }

  private keep(pieces: Pieces, field: Field): void {
    const bytes = this.file.read(field.at, field.end - field.at);
    pieces.bytes.push(bytes);
    pieces.length += bytes.length;
  }

  /** An initializer; of a large one the bytes are stepped over. */
  private tensor(field: Field): TensorProto {
    const rest: Pieces = { bytes: [], length: 0 };
    let raw: Field | undefined;
    for (const inner of this.file.fields(field)) {
      if (holds(inner, RAW_DATA.number) && inner.end - inner.start > INLINE_BYTES) raw = inner;
      else this.keep(rest, inner);
    }
    const tensor = fromBinary(TensorProtoSchema, Buffer.concat(rest.bytes));
    if (raw === undefined || isExternal(tensor)) return tensor;
    return this.reference(tensor, raw.start, raw.end - raw.start);
  }

  /** A large constant that was a node, as a reference to its bytes: exporters of TensorFlow's models keep weights so. */
  externalised(tensor: TensorProto): TensorProto {
    const { rawData } = tensor;
    if (isExternal(tensor) || rawData.length <= INLINE_BYTES || rawData.buffer !== this.graphBytes.buffer)
      return tensor;
    const piece = this.places.findLast(([start]) => start <= rawData.byteOffset)!;
    return this.reference(tensor, piece[1] + rawData.byteOffset - piece[0], rawData.length);
  }

  private reference(tensor: TensorProto, offset: number, length: number): TensorProto {
    const { location } = this;
    return externalTensor(tensor.name, tensor.dataType, tensorShape(tensor), { location, offset, length });
  }
}

const holds = (field: Field, number: number): boolean =>
  field.number === number && field.wire === WireType.LengthDelimited;

/** Some exporters write the standard domain out: one spelling for everything that follows. */
function withShortDomain(nodes: readonly NodeProto[]): void {
  for (const node of nodes) {
    if (node.domain === 'ai.onnx') node.domain = '';
    for (const { g, graphs } of node.attribute)
      for (const graph of [...(g === undefined ? [] : [g]), ...graphs]) withShortDomain(graph.node);
  }
}

/** Turns Constant nodes into initializers: one form of constant for everything that follows. */
function hoistConstants(graph: GraphProto): void {
  const constants = graph.node.flatMap((node) => {
    const tensor = node.opType === 'Constant' ? constantValue(node) : undefined;
    if (tensor !== undefined) tensor.name = node.output[0]!;
    return tensor === undefined ? [] : [{ node, tensor }];
  });
  const hoisted = new Set(constants.map(({ node }) => node));
  graph.node = graph.node.filter((node) => !hoisted.has(node));
  graph.initializer.push(...constants.map(({ tensor }) => tensor));
}

/** The tensor of a Constant node; scalars and lists may be written as attributes of their own. */
function constantValue(node: NodeProto): TensorProto | undefined {
  const [attribute] = node.attribute;
  switch (attribute?.name) {
    case 'value':
      return attribute.t;
    case 'value_float':
      return inlineTensor('', 'float32', Float32Array.of(attribute.f), []);
    case 'value_floats':
      return inlineTensor('', 'float32', Float32Array.from(attribute.floats), [attribute.floats.length]);
    case 'value_int':
      return inlineTensor('', 'int64', BigInt64Array.of(attribute.i), []);
    case 'value_ints':
      return inlineTensor('', 'int64', BigInt64Array.from(attribute.ints), [attribute.ints.length]);
    default:
      return undefined;
  }
}
