/** What the uncut model shows when it runs: sizes of its tensors, whether padding is masked, whether tokens see what follows them. */
import { FungiError } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { isQuantised } from '../onnx/quantised.js';
import type { Tensor } from '../runtime/session.js';
import type { ModelParts } from './assemble.js';
import type { ImportOptions } from './import-options.js';
import type { BoundaryTensor } from './imported-encoder.js';
import { distance, TOLERANCE, type Arithmetic } from './tolerance.js';
import { asFloat32, pool, runUncut, type UncutRun } from './probe.js';
import { assertTokenStates, type TokenStates } from './token-states.js';
import { uncutGraph } from './trunk.js';

export interface Observed {
  /** D. */
  readonly dims: number;
  /** Whether the output is one vector an item, [B,D]. */
  readonly vector: boolean;
  /** A of every item, where the model makes another number of tokens than the encoder tells. */
  readonly tokens?: number | undefined;
  readonly boundary: readonly BoundaryTensor[];
  readonly precision: Arithmetic;
  /** f(x) [2,D] of the probe's items. */
  readonly pooled: Float32Array;
  /** Distance of an item's f(x) beside a longer one from the same alone; absent where items run alone. */
  readonly padding?: number;
}

/** @throws {FungiError} MODEL_UNSUPPORTED for what cannot be used, and what loading and running a graph throws */
export async function observe<P extends Prepared>(
  encoder: Encoder<P>,
  parts: ModelParts,
  states: TokenStates,
  options: ImportOptions,
): Promise<Observed> {
  const { id, pooling } = encoder;
  const { model, graph, division } = parts;
  const proto = model.proto.graph!;
  const output = states.tensor;
  const items = encoder.probe();
  const shorter = items[0].tokens <= items[1].tokens ? 0 : 1;
  const apart = division.trunk.entangled || division.trunk.single || encoder.alone === true;
  const tensors = [...new Set([...division.boundary, output])];
  const batches = apart ? items.map((item) => [item]) : [[...items], [items[shorter]]];
  const runs = await runUncut(encoder, uncutGraph(model, graph, tensors), tensors, batches, {
    ...options,
    folder: model.folder,
  });
  const found = (name: string): Tensor => runs[0]!.tensors[name]!;
  const widths = division.boundary.map((name) => found(name).shape.at(-1) ?? 0);
  const batch = batches[0]!;
  const known = [division.target.outFeatures, ...widths];
  const { dims, vector } = assertTokenStates(proto, id, states, found(output), batch.length, known);
  assertFloating(id, output, found(output));
  const first = vector ? division.boundary[0]! : output;
  const rows = [batch.length, found(first).shape[1]!] as const;
  const { attends } = division.tail;
  const boundary = division.boundary.map((name) => boundaryTensor(id, name, found(name), rows, attends));
  const tokens = tokensOf(id, items, batch, rows[1]);
  const precision = precisionOf(parts, boundary, found(output));

  const pooled = runs.map((run) => pool(run.tensors[output]!, pooling, run.items.map((item) => tokens ?? item.tokens))); // prettier-ignore
  assertNumbers(id, pooled);
  const observed = { dims, vector, tokens, boundary, precision };
  if (apart) {
    assertLooksAhead(id, runs, first);
    return { ...observed, pooled: joined(pooled) };
  }
  const [batched, single] = pooled as [Float32Array, Float32Array];
  const padding = distance(batched.subarray(shorter * dims, (shorter + 1) * dims), single);
  const inputs = proto.input.map(({ name }) => name);
  assertPaddingIsMasked(id, padding, precision, inputs);
  assertLooksAhead(id, runs.slice(0, 1), first);
  return { ...observed, pooled: batched, padding };
}

/**
 * Encoders of images and of clips of one length need not know how many tokens a model makes of them.
 *
 * @param batch items of one run, which had T tokens
 * @returns A of every item, where it is not what the encoder says
 * @throws {FungiError} MODEL_UNSUPPORTED where items differ in length and the longest has not T tokens
 */
function tokensOf(id: string, items: readonly Prepared[], batch: readonly Prepared[], T: number): number | undefined {
  const told = Math.max(...batch.map(({ tokens, computed }) => computed ?? tokens));
  if (told === T) return undefined;
  if (items.every(({ tokens, computed }) => computed === undefined && tokens === items[0]!.tokens)) return T;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: the model makes ${T} tokens of an item that has ${told} as the encoder counts them`,
    { hint: 'Is it the export of this very model? Else give all items one length.', details: { tokens: T } },
  );
}

function precisionOf({ graph }: ModelParts, boundary: readonly BoundaryTensor[], hidden: Tensor): Arithmetic {
  if (isQuantised(graph.nodes)) return 'quantised';
  return hidden.type === 'float16' || boundary.some(({ type }) => type === 'float16') ? 'half' : 'float32';
}

/**
 * A boundary tensor holds one row a token.
 *
 * @param sizes B and T of the run
 * @param attends whether an attention follows the target layer
 */
function boundaryTensor(
  id: string,
  name: string,
  tensor: Tensor,
  sizes: readonly [number, number],
  attends: boolean,
): BoundaryTensor {
  const [rows, tokens, width] = tensor.shape;
  if (tensor.shape.length === 3 && rows === sizes[0] && tokens === sizes[1])
    return { name, width: width!, type: assertFloating(id, name, tensor) };
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" (${tensor.type}) crosses from before the target layer to behind it with shape [${tensor.shape.join(', ')}], not one row a token`,
    {
      hint: attends
        ? 'Attention behind the target layer reads it: use the export without fused operators (optimum-cli: without --optimize), or name a layer of the last block with --target.'
        : 'Name another target layer with --target, or export the model without flattening batch and tokens.',
    },
  );
}

/** @throws {FungiError} MODEL_UNSUPPORTED */
function assertNumbers(id: string, pooled: readonly Float32Array[]): void {
  if (pooled.every((rows) => rows.every(Number.isFinite))) return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: the embedding of a short text is not made of numbers: the model overflows`,
    {
      hint: 'Use its float32 export: half precision holds no number above 65,504.',
    },
  );
}

function assertFloating(id: string, name: string, { type }: Tensor): 'float32' | 'float16' {
  if (type === 'float32' || type === 'float16') return type;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" is ${type}; token states and what is computed of them are float32 or float16`,
    {
      hint: 'Export the model in float32 (optimum-cli: without --dtype), or fetch its unquantised file.',
      details: { tensor: name, type },
    },
  );
}

/**
 * Cut and uncut model pad alike and agree with each other, whatever padding does: only a run without it tells.
 *
 * @param error relative distance that padding made
 * @throws {FungiError} MODEL_UNSUPPORTED when an item's f(x) depends on what is in the batch beside it
 */
function assertPaddingIsMasked(id: string, error: number, precision: Arithmetic, inputs: readonly string[]): void {
  if (error <= TOLERANCE[precision]) return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: the embedding of an item changes by ${error.toExponential(1)} when a longer one is in its batch: the model does not ` +
      'mask padding, so that features would depend on what they are computed with',
    {
      hint: inputs.includes('attention_mask')
        ? 'Export the model again so that attention_mask reaches every attention, and unquantised.'
        : `Export it with attention_mask as an input; its inputs are ${inputs.join(', ')}.`,
      details: { error, inputs },
    },
  );
}

/**
 * The items of the probe begin with the same token: in an encoder it sees what follows, in a decoder it does not.
 *
 * @param tensor with one row a token
 * @throws {FungiError} MODEL_UNSUPPORTED
 */
function assertLooksAhead<P extends Prepared>(id: string, runs: readonly UncutRun<P>[], tensor: string): void {
  const [a, b] = runs.flatMap(({ items, tensors }) => {
    const hidden = asFloat32(tensors[tensor]!);
    const [, padded, dims] = hidden.shape as [number, number, number];
    return items.map((_, row) =>
      (hidden.data as Float32Array).subarray(row * padded * dims, (row * padded + 1) * dims),
    );
  });
  if (distance(a!, b!) > CAUSAL) return;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: the state of the first token is the same whatever follows it: this is a decoder, whose attention looks back only`,
    { hint: 'Use an encoder: BERT, RoBERTa, MPNet, T5 (its encoder_model.onnx) and the like.' },
  );
}

/** Rounding makes states that are the same differ by less than this. */
const CAUSAL = 1e-6;

function joined(rows: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    out.set(row, at);
    at += row.length;
  }
  return out;
}
