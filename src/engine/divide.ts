/** Where a model is cut, and from which of its files the tail comes. */
import { FungiError } from '../core/errors.js';
import type { Encoder } from '../encoders/encoder.js';
import { cutAt } from '../onnx/cut.js';
import { fixSizes } from '../onnx/fixed-sizes.js';
import { Graph } from '../onnx/graph.js';
import { readModel, type OnnxModel } from '../onnx/model.js';
import { isEntangled, isQuantised } from '../onnx/quantised.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import { inFloat32 } from '../onnx/single-precision.js';
import { findTarget, isSelfAttention, type TargetLayer } from '../onnx/target.js';
import { unfuse } from '../onnx/unfuse.js';
import type { ImportOptions } from './import-options.js';
import { takesOneItem } from './model-inputs.js';
import type { TailSource } from './imported-encoder.js';
import type { TrunkSource } from './trunk.js';

export interface Division {
  readonly target: TargetLayer;
  readonly trunk: TrunkSource;
  readonly boundary: readonly string[];
  readonly tail: TailSource;
}

/**
 * A quantised model's tail is that of its unquantised file, where there is one: rounding lets no derivative through. Without, the
 * model is not cut, and only its embedding can be had.
 *
 * @param graph of `model`, pruned to the token states
 * @throws {FungiError} TARGET_NOT_FOUND, MODEL_UNSUPPORTED; of the unquantised file also FILE_NOT_FOUND, MODEL_CORRUPT
 */
export async function divide(
  encoder: Encoder,
  model: OnnxModel,
  graph: Graph,
  { target, provider = 'cpu' }: ImportOptions,
): Promise<Division> {
  const division = await divideAsWritten(encoder, model, graph, target);
  const sized = withFixedSizes(encoder, model, graph, division);
  if (provider !== 'cpu') return sized;
  const { nodes, constants } = unfuse(graph, sized.trunk.nodes, model.opset);
  const initializers = new Map([...sized.trunk.initializers, ...constants]);
  return { ...sized, trunk: { ...sized.trunk, nodes, initializers } };
}

/** Of media all but the batch is known before a run: of pictures by the encoder's frame, of others where the file says. */
function withFixedSizes({ modality, frame }: Encoder, model: OnnxModel, graph: Graph, division: Division): Division {
  if (modality === 'text') return division;
  const known = frame && [undefined, 3, frame.height, frame.width];
  const shapes = graph.inputNames.flatMap((name) => {
    const shape = graph.inputShape(name);
    const sizes = shape?.length === known?.length ? known : undefined;
    const fixed = shape?.map((dim, axis) => (typeof dim === 'number' ? dim : (sizes?.[axis] ?? `${name}.${axis}`)));
    return fixed === undefined ? [] : [[name, fixed] as const];
  });
  const { trunk, boundary } = division;
  const { nodes, constants } = fixSizes(graph, trunk.nodes, boundary, new Map(shapes), model.opset);
  return { ...division, trunk: { ...trunk, nodes, initializers: new Map([...trunk.initializers, ...constants]) } };
}

async function divideAsWritten(encoder: Encoder, model: OnnxModel, graph: Graph, name?: string): Promise<Division> {
  const { id, unquantised } = encoder;
  if (!isQuantised(graph.nodes)) return cutWithin(id, model, graph, name);
  if (unquantised === undefined) return uncut(model, graph);

  const exact = await readModel(unquantised.modelPath);
  const whole = cutWithin(id, exact, new Graph(exact.proto.graph!, graph.outputs), name);
  const missing = whole.boundary.find((tensor) => graph.maker(tensor) === undefined);
  if (missing !== undefined) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${model.path} is quantised and lacks tensor "${missing}" of ${exact.path}: they are not one export, or the quantiser renamed what it made`,
      { hint: 'Quantise that very file, keeping the names of its tensors, or use it as it is.' },
    );
  }
  return { ...whole, trunk: sourceOf(model, graph, graph.upstreamOf(whole.boundary)) };
}

function cutWithin(id: string, model: OnnxModel, graph: Graph, name: string | undefined): Division {
  const target = findTarget(graph, id, name);
  const cut = cutAt(graph, target, id);
  const initializers = new Map([
    ...graph.initializers,
    ...cut.constants.map((tensor) => [tensor.name, tensor] as const),
  ]);
  return {
    target,
    trunk: sourceOf(model, graph, cut.trunk),
    boundary: cut.boundary,
    tail: {
      ...inFloat32({ nodes: cut.tail, initializers }),
      folder: model.folder,
      opset: model.opset,
      masked: cut.masked,
      attends: cut.tail.some((node) => isSelfAttention(graph, node)),
    },
  };
}

/** The whole model as trunk, and a tail of no nodes. */
function uncut(model: OnnxModel, graph: Graph): Division {
  const [output] = graph.outputs as [string];
  return {
    target: { node: '', input: output, output, inFeatures: 0, outFeatures: 0, bias: false },
    trunk: sourceOf(model, graph, graph.nodes),
    boundary: [output],
    tail: {
      nodes: [],
      initializers: new Map(),
      masked: false,
      attends: false,
      folder: model.folder,
      opset: model.opset,
      undifferentiable: {
        reason: `${model.path} is quantised, and rounding has no derivative`,
        hint:
          'Put the unquantised export (onnx/model.onnx) beside it: its last block is used then, behind the quantised rest. ' +
          'Or use that file alone; embeddings (--losses none) need neither.',
      },
    },
  };
}

const sourceOf = (model: OnnxModel, { initializers }: Graph, nodes: readonly NodeProto[]): TrunkSource => ({
  nodes,
  initializers,
  folder: model.folder,
  entangled: isEntangled(nodes),
  single: takesOneItem(model.proto.graph!),
});
