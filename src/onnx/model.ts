/** Reads ONNX model files without copying their weights: every large initializer becomes a reference into the file itself. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { FungiError } from '../core/errors.js';
import { externalPath } from './external-path.js';
import { readLightModel } from './light-model.js';
import { ModelProtoSchema, type ModelProto, type TensorProto } from './proto/onnx_pb.js';
import { isExternal } from './tensor.js';

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
  const proto = readGraph(real, path);
  const standard = proto.opsetImport.find((set) => set.domain === '' || set.domain === 'ai.onnx');
  if (standard === undefined) throw corrupt(real, (await stat(real)).size, 'it names no operator set');
  const opset = Number(standard.version);
  if (opset < 11) {
    throw new FungiError('MODEL_UNSUPPORTED', `${real}: operator set ${opset} is too old, 11 is the oldest supported`, {
      hint: 'Export the model again with a newer opset (17 is a good choice).',
    });
  }
  assertNoLocalFunctions(proto, real);
  const folder = dirname(real);
  await assertExternalData(proto.graph!.initializer, folder, real);
  // Written and read again, what is left refers to its own few bytes: those of large nodes can be freed.
  return { path: real, folder, proto: fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, proto)), opset };
}

function readGraph(real: string, path: string): ModelProto {
  try {
    return readLightModel(real, basename(real));
  } catch (cause) {
    if (FungiError.is(cause)) throw cause;
    throw new FungiError('FILE_NOT_FOUND', `model file ${path} cannot be read`, { cause });
  }
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
    const file = externalPath(folder, location, model);
    if (!Number.isSafeInteger(end) || end < 0) {
      throw new FungiError('MODEL_CORRUPT', `${model}: it refers to bytes up to ${end} of ${location}`, {
        hint: 'Download or export it again.',
      });
    }
    const size = await stat(file).then(
      (found) => found.size,
      () => undefined,
    );
    const hint = `Put ${location} into the folder of the model; a hub keeps it beside the graph.`;
    if (size === undefined) {
      throw new FungiError(
        'MODEL_CORRUPT',
        `${model}: its weights are in ${location}, which is missing from ${folder}`,
        { hint },
      );
    }
    if (size < end) {
      throw new FungiError(
        'MODEL_CORRUPT',
        `${file} (${size} bytes) is cut short: ${model} refers to bytes up to ${end} of it`,
        {
          hint: 'Download it again; a truncated download is the usual cause.',
        },
      );
    }
  }
}

function corrupt(path: string, size: number, reason: string): FungiError {
  return new FungiError('MODEL_CORRUPT', `${path} (${size} bytes) is not a whole ONNX model: ${reason}`, {
    hint: 'Download it again; a truncated download is the usual cause.',
  });
}
