/** Takes an encoder's ONNX file apart: target layer, trunk, tail, and whether the tail may see the first token alone. */
import { FungiError } from '../core/errors.js';
import { silentLogger, type Logger } from '../core/log.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { cutAt } from '../onnx/cut.js';
import { Graph } from '../onnx/graph.js';
import { readModel } from '../onnx/model.js';
import { findTarget } from '../onnx/target.js';
import type { RuntimeOptions, Session, Tensor } from '../runtime/session.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { assertPaddingIsMasked, pool, probeCut, probeUncut, PROBE_TOLERANCE, type CutProbe } from './probe.js';
import { assertTokenStates, findTokenStates } from './token-states.js';
import { trunkGraph } from './trunk.js';

export interface ImportOptions extends RuntimeOptions {
  /** Target layer by the name of its output, node or weight, instead of the last self-attention's output projection. */
  readonly target?: string;
  /** Tensor of the token states; default last_hidden_state, else token_embeddings, else the only output that can be it. */
  readonly output?: string;
  readonly log?: Logger;
}

export interface LoadedEncoder {
  readonly imported: ImportedEncoder;
  /** Session of its trunk; the caller's to release. */
  readonly trunk: Session;
}

/**
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, PROVIDER_UNAVAILABLE, RUNTIME_FAILED;
 *   INVALID_ARGUMENT for an output that is not there
 */
export async function importEncoder<P extends Prepared>(
  encoder: Encoder<P>,
  options: ImportOptions = {},
): Promise<LoadedEncoder> {
  const { id } = encoder;
  const model = await readModel(encoder.modelPath);
  const proto = model.proto.graph!;
  const states = findTokenStates(proto, id, options.output);
  const output = states.tensor;
  const graph = new Graph(proto, [output]);
  const target = findTarget(graph, id, options.target);
  const cut = cutAt(graph, target, id);

  const tensors = [...new Set([...cut.boundary, output])];
  const uncut = trunkGraph(model, graph, graph.nodes, tensors, 'unknown');
  const tried = await probeUncut(encoder, uncut, tensors, { ...options, folder: model.folder });
  const found = (name: string): Tensor => tried.together[name]!;
  const widths = cut.boundary.map((name) => found(name).shape.at(-1) ?? 0);
  const dims = assertTokenStates(proto, id, states, found(output), [target.outFeatures, ...widths]);
  assertFloat32(id, output, found(output));
  const boundary = cut.boundary.map((name) => ({ name, width: tokenWidth(id, name, found(name), found(output)) }));
  const inputs = uncut.inputs.map(({ name }) => name);
  assertPaddingIsMasked(encoder, tried, output, inputs);
  const whole = pool(found(output), encoder.pooling, encoder.probe());

  const initializers = new Map([
    ...graph.initializers,
    ...cut.constants.map((tensor) => [tensor.name, tensor] as const),
  ]);
  const build = (sliced: boolean): ImportedEncoder => {
    const trunk = trunkGraph(model, graph, cut.trunk, cut.boundary, sliced ? 'first' : 'all');
    return {
      id,
      opset: model.opset,
      folder: model.folder,
      target,
      output,
      dims,
      inputs: trunk.inputs.map(({ name }) => name),
      boundary,
      sliced,
      trunk: trunk.bytes,
      tail: { nodes: cut.tail, initializers },
    };
  };

  if (encoder.pooling === 'first') {
    const imported = build(true);
    const sliced = await probeCut(imported, encoder, whole, options);
    if (sliced.error <= PROBE_TOLERANCE) return { imported, trunk: sliced.trunk };
    await sliced.trunk.release();
    (options.log ?? silentLogger).warn(
      `${id}: what follows the last attention does not work on token 0 alone (${difference(sliced)}); ` +
        'computing every token, which is slower',
    );
  }
  const imported = build(false);
  const full = await probeCut(imported, encoder, whole, options);
  if (full.error <= PROBE_TOLERANCE) return { imported, trunk: full.trunk };
  await full.trunk.release();
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: cut at ${target.output} the model computes something else (${difference(full)})`,
    { hint: 'Name another target layer with --target.' },
  );
}

const difference = ({ error, failure }: CutProbe): string =>
  failure?.message ?? `it differs by ${error.toExponential(1)}`;

/** Width of a boundary tensor that holds one row a token. */
function tokenWidth(id: string, name: string, tensor: Tensor, hidden: Tensor): number {
  const [rows, tokens, width] = tensor.shape;
  if (tensor.shape.length === 3 && rows === hidden.shape[0] && tokens === hidden.shape[1]) {
    assertFloat32(id, name, tensor);
    return width!;
  }
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" (${tensor.type}) crosses from before the target layer to behind it with shape [${tensor.shape.join(', ')}], not one row a token`,
    { hint: 'Name another target layer with --target, or export the model without flattening batch and tokens.' },
  );
}

/** A boundary of another type would need casts at the cut, and weights of that type in the tail. */
function assertFloat32(id: string, name: string, tensor: Tensor): void {
  if (tensor.type === 'float32') return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" is ${tensor.type}; losses are computed in float32`,
    {
      hint: 'Export the model in float32 (optimum-cli: without --fp16 and --dtype), or fetch its unquantised file.',
      details: { tensor: name, type: tensor.type },
    },
  );
}
