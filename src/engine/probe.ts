/** Tries a model on two small items before anything is computed with it: whole, and cut in two. */
import { FungiError, type ErrorCode } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { Session, type RuntimeOptions, type Tensor } from '../runtime/session.js';
import { trunkOutput, type ImportedEncoder } from './imported-encoder.js';
import { assertTakes, withSizesHint } from './model-inputs.js';
import { poolingTensor, poolingWeights } from './pooling.js';
import { allocateStates, gather, scatter } from './states.js';
import { buildTail, OUTPUTS, POOLING } from './tail.js';
import type { TrunkGraph } from './trunk.js';

/** How far f(x) may be from that of another way to compute it, relative: rounding is near 1e-6, another computation near 1. */
export const PROBE_TOLERANCE = 1e-4;

/** Where and with what a probe runs. */
export interface ProbeOptions extends RuntimeOptions {
  /** Of the model's weights. */
  readonly folder: string;
}

/** Tensors of the uncut model. */
export interface UncutProbe {
  /** Of both items in one batch. */
  readonly together: Readonly<Record<string, Tensor>>;
  /** Of the item with fewer tokens, in a batch of its own. */
  readonly alone: Readonly<Record<string, Tensor>>;
  readonly shorter: number;
}

/** @throws {FungiError} MODEL_UNSUPPORTED when an input is not as the encoder fills it; RUNTIME_FAILED, and what loading a graph throws */
export async function probeUncut<P extends Prepared>(
  encoder: Encoder<P>,
  graph: TrunkGraph,
  tensors: readonly string[],
  options: ProbeOptions,
): Promise<UncutProbe> {
  const items = encoder.probe();
  const shorter = items[0].tokens <= items[1].tokens ? 0 : 1;
  const names = graph.inputs.map(({ name }) => name);
  const [both, one] = [encoder.collate(items, names), encoder.collate([items[shorter]], names)];
  for (const feeds of [both, one]) assertTakes(encoder.id, graph.inputs, feeds);
  const session = await Session.load(graph.bytes, encoder.id, options);
  try {
    const run = async (feeds: typeof both): Promise<Record<string, Tensor>> => {
      const results = await session.run(feeds, tensors.map(trunkOutput));
      return Object.fromEntries(tensors.map((name) => [name, results[trunkOutput(name)]!]));
    };
    return { together: await run(both), alone: await run(one), shorter };
  } catch (error) {
    throw withSizesHint(error, items.length, Math.max(...items.map(({ tokens }) => tokens)));
  } finally {
    await session.release();
  }
}

/** f(x) [n,D] of token states [n,T,D]. */
export function pool(hidden: Tensor, pooling: Encoder['pooling'], items: readonly Prepared[]): Float32Array {
  const [, padded, dims] = hidden.shape as [number, number, number];
  const out = new Float32Array(items.length * dims);
  const data = hidden.data as Float32Array;
  items.forEach((item, row) => {
    poolingWeights(pooling, item.tokens).forEach((weight, token) => {
      for (let d = 0; d < dims; d++) out[row * dims + d]! += weight * data[(row * padded + token) * dims + d]!;
    });
  });
  return out;
}

/**
 * Cut and uncut model pad alike and agree with each other, whatever padding does: only a run without it tells.
 *
 * @param states tensor of the token states
 * @throws {FungiError} MODEL_UNSUPPORTED when an item's f(x) depends on what is in the batch beside it
 */
export function assertPaddingIsMasked<P extends Prepared>(
  encoder: Encoder<P>,
  { together, alone, shorter }: UncutProbe,
  states: string,
  inputs: readonly string[],
): void {
  const items = encoder.probe();
  const single = pool(alone[states]!, encoder.pooling, [items[shorter]!]);
  const batched = pool(together[states]!, encoder.pooling, items);
  const error = distance(batched.subarray(shorter * single.length, (shorter + 1) * single.length), single);
  if (error <= PROBE_TOLERANCE) return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${encoder.id}: the embedding of an item changes by ${error.toExponential(1)} when a longer one is in its batch: the model does not ` +
      'mask padding, so that features would depend on what they are computed with',
    {
      hint: inputs.includes('attention_mask')
        ? 'Export the model again so that attention_mask reaches every attention, and unquantised.'
        : `Export it with attention_mask as an input; its inputs are ${inputs.join(', ')}.`,
      details: { error, inputs },
    },
  );
}

export interface CutProbe {
  /** Of the graph that was tried: for the engine to go on with, or to release. */
  readonly trunk: Session;
  /** Relative distance of f(x) through trunk and tail from `whole`; Infinity where the tail cannot be computed. */
  readonly error: number;
  /** What the tail failed with. */
  readonly failure?: FungiError;
}

/** What says that sizes in a tail do not fit, as one token may not where several were expected, before it runs. */
const MISFITS: readonly ErrorCode[] = ['MODEL_UNSUPPORTED', 'MODEL_CORRUPT'];
/** A run fails for sizes, or for this. */
const NO_MEMORY = /alloc|memory/i;

/**
 * @param whole f(x) of the probe's items, of the uncut model
 * @throws {FungiError} what loading and running a graph throws, except what a sliced tail throws since it is sliced
 */
export async function probeCut<P extends Prepared>(
  imported: ImportedEncoder,
  encoder: Encoder<P>,
  whole: Float32Array,
  options: RuntimeOptions,
): Promise<CutProbe> {
  const place = { ...options, folder: imported.folder };
  const trunk = await Session.load(imported.trunk, encoder.id, place);
  try {
    const feeds = await boundaryOf(imported, encoder, trunk);
    const outcome = await pooledByTail(imported, encoder.id, feeds, place);
    if (!FungiError.is(outcome)) return { trunk, error: distance(outcome, whole) };
    if (!imported.sliced) throw outcome;
    return { trunk, error: Infinity, failure: outcome };
  } catch (error) {
    await trunk.release();
    throw error;
  }
}

type TailFeeds = Readonly<Record<string, Tensor>>;

/** The boundary and pooling weights of the probe's items, as the engine would hand them to a tail. */
async function boundaryOf<P extends Prepared>(
  imported: ImportedEncoder,
  encoder: Encoder<P>,
  trunk: Session,
): Promise<TailFeeds> {
  const items = encoder.probe();
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
  return {
    ...Object.fromEntries(names.map((name, i) => [name, gather(states, i, rows, padded)])),
    [POOLING]: poolingTensor(encoder.pooling, tokens, padded),
  };
}

/** f(x) [n,D], or why sizes do not fit. */
async function pooledByTail(
  imported: ImportedEncoder,
  id: string,
  feeds: TailFeeds,
  options: ProbeOptions,
): Promise<Float32Array | FungiError> {
  let tail: Session;
  try {
    tail = await Session.load(buildTail(imported, {}).bytes, `${id} tail`, options);
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

/** ‖a − b‖/‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  a.forEach((value, i) => {
    difference += (value - b[i]!) ** 2;
    norm += b[i]! ** 2;
  });
  return Math.sqrt(difference / norm);
}
