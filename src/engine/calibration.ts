/** How a trunk's products are quantised, from what their tensors look like on a few ordinary items. */
import type { Encoder, Prepared } from '../encoders/encoder.js';
import type { Graph } from '../onnx/graph.js';
import { GELU_MINIMUM, GELU_ZERO_POINT, SYMMETRIC_ZERO_POINT, type ProductGroup } from '../onnx/row-quantisation.js';
import type { ModelParts } from './assemble.js';
import type { ImportOptions } from './import-options.js';
import type { Scheme } from './int8-file.js';
import { runUncut } from './probe.js';
import { rangeOf, type Range } from './smoothing.js';
import { uncutGraph } from './trunk.js';

/** Counts up when what follows, or the sentences of the text encoder, or the arithmetic of row-quantisation.ts changes: features do then. */
export const INT8_RECIPE = 1;

export interface Calibrated {
  readonly schemes: readonly Scheme[];
  /** Largest |x| of each channel [K], for each group. */
  readonly channels: readonly Float32Array[];
}

/** Runs the model as it is on each of `samples`. @throws {FungiError} what loading and running a graph throws */
export async function calibrate<P extends Prepared>(
  encoder: Encoder<P>,
  { model, graph }: ModelParts,
  groups: readonly ProductGroup[],
  samples: readonly P[],
  options: ImportOptions,
): Promise<Calibrated> {
  const tensors = groups.map(({ input }) => input);
  const batches = samples.map((sample) => [sample]);
  const runs = await runUncut(encoder, uncutGraph(model, graph, tensors), tensors, batches, {
    ...options,
    folder: model.folder,
  });
  const ranges = groups.map(({ input, width }) =>
    rangeOf(
      runs.map(({ tensors: found }) => found[input]!.data as Float32Array),
      width,
    ),
  );
  const schemes = groups.map(({ input }, i): Scheme => ({ input, zeroPoint: zeroPointOf(graph, input, ranges[i]!) }));
  return { schemes, channels: ranges.map(({ channels }) => channels) };
}

/** What GELU and ReLU make is bounded below; where it is small, the least scale that keeps the bound would be too coarse for it. */
function zeroPointOf(graph: Graph, tensor: string, { least, largest }: Range): number {
  const wide = largest * GELU_ZERO_POINT >= -GELU_MINIMUM * (255 - GELU_ZERO_POINT);
  return wide && least >= GELU_MINIMUM && isActivation(graph, tensor) ? GELU_ZERO_POINT : SYMMETRIC_ZERO_POINT;
}

const ACTIVATIONS = new Set(['Gelu', 'BiasGelu', 'FastGelu', 'QuickGelu', 'Relu', 'Erf', 'Tanh']);
/** GELU written out is x·(1 + erf(x/√2))·½: its Erf or Tanh is this close. */
const REACH = 4;

/** By structure, since eight items need not show how low a tensor can go. */
function isActivation(graph: Graph, tensor: string, reach = REACH): boolean {
  const node = graph.maker(tensor);
  if (node === undefined || reach === 0) return false;
  if (ACTIVATIONS.has(node.opType)) return true;
  return ['Mul', 'Add'].includes(node.opType) && node.input.some((name) => isActivation(graph, name, reach - 1));
}
