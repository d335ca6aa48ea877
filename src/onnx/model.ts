/** Reads ONNX model files without copying their weights: every large initializer becomes a reference into the file itself. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FungiError } from '../core/errors.js';
import {
  ModelProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
} from './proto/onnx_pb.js';
import { externalTensor, inlineTensor, isExternal, tensorShape } from './tensor.js';

/** Constants up to this many bytes stay inline: shapes, axes and scalars must be readable when the graph is analysed. */
const INLINE_BYTES = 1024;

export interface OnnxModel {
  /** Real path of the file (symbolic links resolved: onnxruntime refuses external data behind a link out of the folder). */
  readonly path: string;
  /** Where external data is looked up. */
  readonly folder: string;
  readonly proto: ModelProto;
  /** Version of the standard operator set. */
  readonly opset: number;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND; MODEL_CORRUPT when the file is not ONNX or is truncated; MODEL_UNSUPPORTED below operator set 11,
 *   or with functions of its own
 */
export async function readModel(path: string): Promise<OnnxModel> {
  const real = await realpath(path).catch((cause: unknown) => {
    throw new FungiError('FILE_NOT_FOUND', `model file ${path} does not exist`, { cause });
  });
  const bytes = await readFile(real).catch((cause: unknown) => {
    throw new FungiError('FILE_NOT_FOUND', `model file ${path} cannot be read`, { cause });
  });
  let proto: ModelProto;
  try {
    proto = fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw corrupt(real, bytes.length, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (proto.graph === undefined || proto.graph.node.length === 0)
    throw corrupt(real, bytes.length, 'it holds no graph');
  const standard = proto.opsetImport.find((set) => set.domain === '' || set.domain === 'ai.onnx');
  if (standard === undefined) throw corrupt(real, bytes.length, 'it names no operator set');
  const opset = Number(standard.version);
  if (opset < 11) {
    throw new FungiError('MODEL_UNSUPPORTED', `${real}: operator set ${opset} is too old, 11 is the oldest supported`, {
      hint: 'Export the model again with a newer opset (17 is a good choice).',
    });
  }
  assertNoLocalFunctions(proto, real);
  hoistConstants(proto.graph);
  proto.graph.initializer = proto.graph.initializer.map((tensor) => externalise(tensor, bytes, basename(real)));
  const folder = dirname(real);
  await assertExternalData(proto.graph.initializer, folder, real);
  // Written and read again, what is left refers to its own few bytes: those of the file can be freed.
  return { path: real, folder, proto: fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, proto)), opset };
}

/** Operators that the file defines itself, as torch's exporter wrote them for a while: the graphs made of it would lack them. */
function assertNoLocalFunctions(proto: ModelProto, path: string): void {
  const full = (domain: string, name: string): string => (domain === '' ? name : `${domain}.${name}`);
  const defined = new Set(proto.functions.map(({ domain, name }) => full(domain, name)));
  const called = new Set(proto.graph!.node.map(({ domain, opType }) => full(domain, opType)));
  const used = [...called].filter((name) => defined.has(name));
  if (used.length === 0) return;
  const more = used.length > 3 ? ` and ${used.length - 3} more` : '';
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${path}: the graph calls functions that the file defines (${used.slice(0, 3).join(', ')}${more}), which are not read`,
    {
      hint: 'Export it with torch 2.6 or newer, or inline them: onnx.inliner.inline_local_functions(model).',
      details: { functions: used },
    },
  );
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

/** Replaces a large constant by a reference to its bytes in `file`. */
function externalise(tensor: TensorProto, bytes: Uint8Array, file: string): TensorProto {
  if (isExternal(tensor) || tensor.rawData.length <= INLINE_BYTES) return tensor;
  const offset = tensor.rawData.byteOffset - bytes.byteOffset;
  if (tensor.rawData.buffer !== bytes.buffer || offset < 0) return tensor;
  return externalTensor(tensor.name, tensor.dataType, tensorShape(tensor), {
    location: file,
    offset,
    length: tensor.rawData.length,
  });
}

const entry = (tensor: TensorProto, key: string): string | undefined =>
  tensor.externalData.find((pair) => pair.key === key)?.value;

/** Every referenced data file is there and long enough: onnxruntime would only say so when the session is made. */
async function assertExternalData(tensors: readonly TensorProto[], folder: string, model: string): Promise<void> {
  const ends = new Map<string, number>();
  for (const tensor of tensors) {
    if (!isExternal(tensor)) continue;
    const location = entry(tensor, 'location') ?? '';
    const end = Number(entry(tensor, 'offset') ?? 0) + Number(entry(tensor, 'length') ?? 0);
    ends.set(location, Math.max(ends.get(location) ?? 0, end));
  }
  for (const [location, end] of ends) {
    const file = `${folder}/${location}`;
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    );
    if (size === undefined) {
      throw new FungiError(
        'MODEL_CORRUPT',
        `${model}: its weights are in ${location}, which is missing from ${folder}`,
        {
          hint: `Download ${location} into the same folder.`,
        },
      );
    }
    if (size < end) throw corrupt(file, size, `the model refers to bytes up to ${end}`);
  }
}

function corrupt(path: string, size: number, reason: string, cause?: unknown): FungiError {
  return new FungiError('MODEL_CORRUPT', `${path} (${size} bytes) is not a whole ONNX model: ${reason}`, {
    hint: 'Download it again; a truncated download is the usual cause.',
    cause,
  });
}
