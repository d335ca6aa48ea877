/** What only a run tells of a model: sizes of its tensors, whether padding is masked, and whether it can be cut and sliced. */
import { FungiError } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { isQuantised } from '../onnx/quantised.js';
import type { Tensor } from '../runtime/session.js';
import type { SharedSession } from '../runtime/shared-session.js';
import { assemble, type Findings, type ModelParts } from './assemble.js';
import type { ImportOptions } from './import-options.js';
import type { BoundaryTensor, ImportedEncoder } from './imported-encoder.js';
import { inFloat32, pool, runCut, runUncut, type CutRun, type UncutRun } from './probe.js';
import { assertTokenStates, type TokenStates } from './token-states.js';
import { uncutGraph } from './trunk.js';

/**
 * How far f(x) may be from that of another way to compute it, relative: another computation is near 1 away. Rounding is near 1e-6 in
 * float32 and 1e-3 in half precision; a quantised last block is replaced by an exact one.
 */
const TOLERANCE = { float32: 1e-4, half: 1e-2, quantised: 0.25 } as const;
type Precision = keyof typeof TOLERANCE;

export interface Trial {
  readonly findings: Findings;
  readonly imported: ImportedEncoder;
  readonly trunk: SharedSession;
}

/** @throws {FungiError} MODEL_UNSUPPORTED for what cannot be used, and what loading and running a graph throws */
export async function tryOut<P extends Prepared>(
  encoder: Encoder<P>,
  parts: ModelParts,
  states: TokenStates,
  options: ImportOptions,
): Promise<Trial> {
  const { id } = encoder;
  const { model, graph, division } = parts;
  const proto = model.proto.graph!;
  const output = states.tensor;
  const items = encoder.probe();
  const shorter = items[0].tokens <= items[1].tokens ? items[0] : items[1];
  const apart = division.trunk.entangled;
  const tensors = [...new Set([...division.boundary, output])];
  const runs = await runUncut(
    encoder,
    uncutGraph(model, graph, tensors),
    tensors,
    apart ? items.map((item) => [item]) : [items, [shorter]],
    { ...options, folder: model.folder },
  );
  const found = (name: string): Tensor => runs[0]!.tensors[name]!;
  const widths = division.boundary.map((name) => found(name).shape.at(-1) ?? 0);
  const dims = assertTokenStates(proto, id, states, found(output), [division.target.outFeatures, ...widths]);
  assertFloating(id, output, found(output));
  const boundary = division.boundary.map((name) => boundaryTensor(id, name, found(name), found(output)));
  const precision = precisionOf(parts, boundary, found(output));

  const pooled = runs.map((run) => pool(run.tensors[output]!, encoder.pooling, run.items));
  if (!apart)
    assertPaddingIsMasked(
      encoder,
      pooled,
      items.indexOf(shorter),
      precision,
      proto.input.map(({ name }) => name),
    );
  assertLooksAhead(id, apart ? runs : runs.slice(0, 1), output);
  const whole = apart ? joined(pooled) : pooled[0]!;

  const attempt = async (sliced: boolean, unsliced?: string): Promise<Attempt> => {
    const findings = { dims, boundary, sliced, ...(unsliced !== undefined && { unsliced }) };
    const imported = assemble(encoder, parts, findings);
    return { findings, imported, ...(await runCut(imported, encoder, options)) };
  };
  const everyToken = async (unsliced?: string): Promise<Attempt> => {
    const full = await attempt(false, unsliced);
    const difference = differenceFrom(full, whole);
    if (difference.error <= TOLERANCE[precision]) return full;
    await full.trunk.release();
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${id}: cut at ${division.target.output} the model computes something else (${difference.text})`,
      { hint: 'Name another target layer with --target.' },
    );
  };
  if (encoder.pooling !== 'first') return everyToken();

  // Where the tail is more exact than the encoder, one token is compared with all of them and not with the encoder.
  const exact = precision === 'float32' ? undefined : await everyToken();
  const first = await attempt(true);
  const difference = differenceFrom(first, exact === undefined ? whole : (exact.pooled as Float32Array));
  await exact?.trunk.release();
  if (difference.error <= TOLERANCE.float32) return first;
  await first.trunk.release();
  return everyToken(difference.text);
}

interface Attempt extends Trial, CutRun {}

function differenceFrom(
  { pooled }: CutRun,
  reference: Float32Array,
): { readonly error: number; readonly text: string } {
  if (FungiError.is(pooled)) return { error: Infinity, text: pooled.message };
  const error = distance(pooled, reference);
  return { error, text: `it differs by ${error.toExponential(1)}` };
}

function precisionOf({ graph }: ModelParts, boundary: readonly BoundaryTensor[], hidden: Tensor): Precision {
  if (isQuantised(graph.nodes)) return 'quantised';
  return hidden.type === 'float16' || boundary.some(({ type }) => type === 'float16') ? 'half' : 'float32';
}

/** A boundary tensor holds one row a token. */
function boundaryTensor(id: string, name: string, tensor: Tensor, hidden: Tensor): BoundaryTensor {
  const [rows, tokens, width] = tensor.shape;
  if (tensor.shape.length === 3 && rows === hidden.shape[0] && tokens === hidden.shape[1])
    return { name, width: width!, type: assertFloating(id, name, tensor) };
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${id}: tensor "${name}" (${tensor.type}) crosses from before the target layer to behind it with shape [${tensor.shape.join(', ')}], not one row a token`,
    { hint: 'Name another target layer with --target, or export the model without flattening batch and tokens.' },
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
 * @param pooled f(x) of both items of the probe, and of one of them alone
 * @throws {FungiError} MODEL_UNSUPPORTED when an item's f(x) depends on what is in the batch beside it
 */
function assertPaddingIsMasked(
  { id }: Encoder,
  [batched, single]: readonly Float32Array[],
  item: number,
  precision: Precision,
  inputs: readonly string[],
): void {
  const row = batched!.subarray(item * single!.length, (item + 1) * single!.length);
  const error = distance(row, single!);
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
 * @throws {FungiError} MODEL_UNSUPPORTED
 */
function assertLooksAhead<P extends Prepared>(id: string, runs: readonly UncutRun<P>[], output: string): void {
  const [a, b] = runs.flatMap(({ items, tensors }) => {
    const hidden = inFloat32(tensors[output]!);
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

/** ‖a − b‖/‖b‖. */
function distance(a: Float32Array, b: Float32Array): number {
  let [difference, norm] = [0, 0];
  a.forEach((value, i) => {
    difference += (value - b[i]!) ** 2;
    norm += b[i]! ** 2;
  });
  return Math.sqrt(difference / norm);
}
