/** Runs a model on two small items before anything is computed with it: whole, and cut in two. */
import { FungiError, type ErrorCode } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { fromFloat16 } from '../onnx/half.js';
import { float32, Session, type Feeds, type RuntimeOptions, type Tensor } from '../runtime/session.js';
import type { SharedSession } from '../runtime/shared-session.js';
import { acquireTrunk } from './assemble.js';
import { trunkOutput, type ImportedEncoder } from './imported-encoder.js';
import { assertTakes, withSizesHint } from './model-inputs.js';
import { poolingWeights } from './pooling.js';
import { tokensOf } from './states.js';
import { buildTail, OUTPUTS } from './tail.js';
import { tailFeeds } from './tail-feeds.js';
import { encodeStates, type TrunkGraph } from './trunk.js';
import { alone } from './trunk-runs.js';

/** Where and with what a probe runs. */
export interface ProbeOptions extends RuntimeOptions {
  /** Of the model's weights. */
  readonly folder: string;
}

/** Tensors of the uncut model from one run of it. */
export interface UncutRun<P extends Prepared> {
  readonly items: readonly P[];
  readonly tensors: Readonly<Record<string, Tensor>>;
}

/**
 * @param batches items of the probe, each list in a run of its own
 * @throws {FungiError} MODEL_UNSUPPORTED when an input is not as the encoder fills it; RUNTIME_FAILED, and what loading a graph throws
 */
export async function runUncut<P extends Prepared>(
  encoder: Encoder<P>,
  graph: TrunkGraph,
  tensors: readonly string[],
  batches: readonly (readonly P[])[],
  options: ProbeOptions,
): Promise<UncutRun<P>[]> {
  const names = graph.inputs.map(({ name }) => name);
  const feeds: Feeds[] = [];
  for (const items of batches) feeds.push(await encoder.collate(items, names));
  for (const feed of feeds) assertTakes(encoder.id, graph.inputs, feed);
  const session = await Session.load(graph.bytes, encoder.id, options);
  let running = batches[0]!;
  try {
    const runs: UncutRun<P>[] = [];
    for (const [i, items] of batches.entries()) {
      running = items;
      const results = await session.run(feeds[i]!, tensors.map(trunkOutput));
      runs.push({ items, tensors: Object.fromEntries(tensors.map((name) => [name, results[trunkOutput(name)]!])) });
    }
    return runs;
  } catch (error) {
    throw withSizesHint(error, running.length, Math.max(...running.map(({ tokens }) => tokens)));
  } finally {
    await session.release();
  }
}

/** A tensor of the model in float32; of another type than floating point as it is. */
export function asFloat32(tensor: Tensor): Tensor {
  if (tensor.type !== 'float16') return tensor;
  const { buffer, byteOffset, length } = tensor.data;
  return float32(fromFloat16(new Uint16Array(buffer, byteOffset, length)), tensor.shape);
}

/**
 * f(x) [n,D] of token states [n,T,D], or of what is f(x) already.
 *
 * @param lengths A of each item
 */
export function pool(hidden: Tensor, pooling: Encoder['pooling'], lengths: readonly number[]): Float32Array {
  const data = asFloat32(hidden).data as Float32Array;
  if (hidden.shape.length === 2) return data;
  const [, padded, dims] = hidden.shape as [number, number, number];
  const out = new Float32Array(lengths.length * dims);
  lengths.forEach((length, row) => {
    poolingWeights(pooling, length).forEach((weight, token) => {
      for (let d = 0; d < dims; d++) out[row * dims + d]! += weight * data[(row * padded + token) * dims + d]!;
    });
  });
  return out;
}

export interface CutRun {
  /** Of the graph that was tried: for the engine to go on with, or to release. */
  readonly trunk: SharedSession;
  /** f(x) [n,D] of the probe's items, or why sizes in the tail do not fit. */
  readonly pooled: Float32Array | FungiError;
}

/** What says that sizes in a tail do not fit, as one token may not where several were expected, before it runs. */
const MISFITS: readonly ErrorCode[] = ['MODEL_UNSUPPORTED', 'MODEL_CORRUPT'];
/** A run fails for sizes, or for this. */
const NO_MEMORY = /alloc|memory/i;

/** @throws {FungiError} what loading and running a graph throws, except what a sliced tail throws since it is sliced */
export async function runCut<P extends Prepared>(
  imported: ImportedEncoder,
  encoder: Encoder<P>,
  options: RuntimeOptions,
): Promise<CutRun> {
  const trunk = await acquireTrunk(imported, options);
  try {
    const feeds = await boundaryOf(imported, encoder, trunk);
    const pooled = await pooledByTail(imported, feeds, options);
    if (FungiError.is(pooled) && imported.slice === undefined) throw pooled;
    return { trunk, pooled };
  } catch (error) {
    await trunk.release();
    throw error;
  }
}

/** The boundary and pooling weights of the probe's items, as the engine would hand them to a tail. */
async function boundaryOf<P extends Prepared>(
  imported: ImportedEncoder,
  encoder: Encoder<P>,
  trunk: SharedSession,
): Promise<Feeds> {
  const items = encoder.probe();
  const states = await encodeStates(() => alone(trunk), imported, encoder, items);
  const places = [...items.keys()];
  const padded = Math.max(...places.map((place) => tokensOf(states, place)));
  return tailFeeds(imported, encoder.pooling, states, places, padded);
}

/** f(x) [n,D], or why sizes do not fit. */
async function pooledByTail(
  imported: ImportedEncoder,
  feeds: Feeds,
  options: RuntimeOptions,
): Promise<Float32Array | FungiError> {
  let tail: Session;
  try {
    tail = await Session.load(buildTail(imported, {}).bytes, `${imported.id} tail`, {
      ...options,
      folder: imported.tail.folder,
    });
  } catch (error) {
    if (FungiError.is(error) && MISFITS.includes(error.code)) return error;
    throw error;
  }
  try {
    const { [OUTPUTS.pooled]: pooled } = await tail.run(feeds, [OUTPUTS.pooled]);
    return pooled.data as Float32Array;
  } catch (error) {
    if (FungiError.is(error, 'RUNTIME_FAILED') && !NO_MEMORY.test(error.message)) return error;
    throw error;
  } finally {
    await tail.release();
  }
}
