/** Takes an encoder's ONNX file apart: target layer, trunk, tail, and whether the tail may see the first token alone. */
import { FungiError } from '../core/errors.js';
import { silentLogger, type Logger } from '../core/log.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { GraphBuilder } from '../onnx/builder.js';
import { cutAt, type Cut } from '../onnx/cut.js';
import { assertOutput, Graph } from '../onnx/graph.js';
import { readModel, type OnnxModel } from '../onnx/model.js';
import { findTarget } from '../onnx/target.js';
import { Session, type RuntimeOptions, type Tensor } from '../runtime/session.js';
import { allocateStates, gather, scatter } from './states.js';
import { buildTail, OUTPUTS, POOLING } from './tail.js';
import { trunkOutput, type ImportedEncoder } from './imported-encoder.js';
import { poolingTensor, poolingWeights } from './pooling.js';

export interface ImportOptions extends RuntimeOptions {
  /** Target layer by the name of its node or weight, instead of the last self-attention's output projection. */
  readonly target?: string;
  /** Tensor of the token states; default last_hidden_state, else token_embeddings, else the first output. */
  readonly output?: string;
  readonly log?: Logger;
}

/** How far the cut model may be from the uncut one on the probe, relative: rounding is near 1e-6, another computation near 1. */
const PROBE_TOLERANCE = 1e-4;

/**
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT, MODEL_UNSUPPORTED, TARGET_NOT_FOUND, OP_UNSUPPORTED
 */
export async function importEncoder<P extends Prepared>(
  encoder: Encoder<P>,
  options: ImportOptions = {},
): Promise<ImportedEncoder> {
  const model = await readModel(encoder.modelPath);
  const output = hiddenStates(model, encoder.id, options.output);
  const graph = new Graph(model.proto.graph!, [output]);
  const target = findTarget(graph, encoder.id, options.target);
  const cut = cutAt(graph, target, encoder.id);

  const uncut = trunkGraph(model, graph, { ...cut, trunk: graph.nodes }, [...cut.boundary, output], false);
  const probe = encoder.probe();
  const tried = await runOnce(uncut, model, encoder, probe, [...cut.boundary, output], options);
  const dims = tried[output]!.shape[2]!;
  const boundary = cut.boundary.map((name) => ({
    name,
    width: tokenWidth(encoder.id, name, tried[name]!, tried[output]!),
  }));
  const whole = await pool(tried[output]!, encoder, probe);

  const build = (sliced: boolean): ImportedEncoder => ({
    id: encoder.id,
    opset: model.opset,
    folder: model.folder,
    target,
    output,
    dims,
    inputs: uncut.inputs,
    boundary,
    sliced,
    trunk: trunkGraph(model, graph, cut, cut.boundary, sliced).bytes,
    tail: { nodes: cut.tail, initializers: graph.initializers },
  });

  if (encoder.pooling === 'first') {
    const sliced = build(true);
    const error = await probeError(sliced, encoder, probe, whole, options).catch(() => Infinity);
    if (error <= PROBE_TOLERANCE) return sliced;
    (options.log ?? silentLogger).warn(
      `${encoder.id}: what follows the last attention mixes tokens (token 0 alone differs by ${error.toExponential(1)}); ` +
        'computing every token, which is slower',
    );
  }
  const full = build(false);
  const error = await probeError(full, encoder, probe, whole, options);
  if (error <= PROBE_TOLERANCE) return full;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${encoder.id}: cut at ${target.node} the model computes something else (error ${error.toExponential(1)})`,
    {
      hint: 'Name another target layer with --target.',
    },
  );
}

function hiddenStates(model: OnnxModel, id: string, chosen: string | undefined): string {
  const graph = model.proto.graph!;
  if (chosen !== undefined) {
    assertOutput(graph, chosen, id);
    return chosen;
  }
  const names = graph.output.map((output) => output.name);
  const known = ['last_hidden_state', 'token_embeddings'].find((name) => names.includes(name)) ?? names[0];
  if (known === undefined) throw new FungiError('MODEL_UNSUPPORTED', `${id}: the graph has no output`);
  return known;
}

interface TrunkGraph {
  readonly bytes: Uint8Array;
  readonly inputs: readonly string[];
}

/** The part of the model before the cut; sliced, each output keeps token 0 alone. */
function trunkGraph(model: OnnxModel, graph: Graph, cut: Cut, outputs: readonly string[], sliced: boolean): TrunkGraph {
  const g = new GraphBuilder('trunk', model.opset);
  g.copy(cut.trunk, graph.initializers);
  const read = new Set(cut.trunk.flatMap((node) => node.input));
  const inputs = model.proto.graph!.input.filter(
    (input) => read.has(input.name) && !graph.initializers.has(input.name),
  );
  inputs.forEach((input) => {
    g.copyInput(input);
  });
  for (const name of outputs) {
    const kept = sliced ? g.op('Slice', [name, g.integers([0]), g.integers([1]), g.integers([1])]) : name;
    g.output(kept, 'float32', ['batch', sliced ? 1 : 'tokens', 'width'], `${name}/out`);
  }
  return { bytes: g.build(), inputs: inputs.map((input) => input.name) };
}

/** Width of a boundary tensor that holds one row a token. */
function tokenWidth(id: string, name: string, tensor: Tensor, hidden: Tensor): number {
  const [rows, tokens, width] = tensor.shape;
  const perToken =
    tensor.type === 'float32' && tensor.shape.length === 3 && rows === hidden.shape[0] && tokens === hidden.shape[1];
  if (perToken) return width!;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" crosses from before the target layer to behind it with shape [${tensor.shape.join(', ')}], not one row a token`,
    { hint: 'Name another target layer with --target, or export the model without flattening batch and tokens.' },
  );
}

async function runOnce<P extends Prepared>(
  graph: TrunkGraph,
  model: OnnxModel,
  encoder: Encoder<P>,
  items: readonly P[],
  tensors: readonly string[],
  options: RuntimeOptions,
): Promise<Record<string, Tensor>> {
  const session = await Session.load(graph.bytes, encoder.id, { ...options, folder: model.folder });
  try {
    const results = await session.run(encoder.collate(items, graph.inputs), tensors.map(trunkOutput));
    return Object.fromEntries(tensors.map((name) => [name, results[trunkOutput(name)]!]));
  } finally {
    await session.release();
  }
}

/** f(x) [n,D] of token states [n,T,D]. */
async function pool<P extends Prepared>(
  hidden: Tensor,
  encoder: Encoder<P>,
  items: readonly P[],
): Promise<Float32Array> {
  const [, padded, dims] = hidden.shape as [number, number, number];
  const out = new Float32Array(items.length * dims);
  const data = hidden.data as Float32Array;
  items.forEach((item, row) => {
    poolingWeights(encoder.pooling, item.tokens).forEach((weight, token) => {
      for (let d = 0; d < dims; d++) out[row * dims + d]! += weight * data[(row * padded + token) * dims + d]!;
    });
  });
  return Promise.resolve(out);
}

/** Relative distance between f(x) through trunk and tail, and f(x) of the uncut model. */
async function probeError<P extends Prepared>(
  imported: ImportedEncoder,
  encoder: Encoder<P>,
  items: readonly P[],
  whole: Float32Array,
  options: RuntimeOptions,
): Promise<number> {
  const place = { ...options, folder: imported.folder };
  const trunk = await Session.load(imported.trunk, encoder.id, place);
  const tail = await Session.load(buildTail(imported, {}).bytes, `${encoder.id} tail`, place);
  try {
    const names = imported.boundary.map(({ name }) => name);
    const results = await trunk.run(encoder.collate(items, imported.inputs), names.map(trunkOutput));
    const tokens = items.map((item) => (imported.sliced ? 1 : item.tokens));
    const states = allocateStates(
      tokens,
      imported.boundary.map(({ width }) => width),
    );
    const rows = items.map((_, i) => i);
    names.forEach((name, i) => {
      scatter(states, i, rows, results[trunkOutput(name)]!);
    });
    const padded = Math.max(...tokens);
    const weights = poolingTensor(encoder.pooling, tokens, padded);
    const feeds = Object.fromEntries(names.map((name, i) => [name, gather(states, i, rows, padded)]));
    const { [OUTPUTS.pooled]: pooled } = await tail.run({ ...feeds, [POOLING]: weights }, [OUTPUTS.pooled]);
    return distance(pooled.data as Float32Array, whole);
  } finally {
    await Promise.all([trunk.release(), tail.release()]);
  }
}

function distance(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  a.forEach((value, i) => {
    difference += (value - b[i]!) ** 2;
    norm += b[i]! ** 2;
  });
  return Math.sqrt(difference / norm);
}
