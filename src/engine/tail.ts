/**
 * The second model: from the trunk's boundary to what is asked of an item. Target layer, rest of the encoder, pooling, loss, the
 * loss's derivative at the target layer and the projection of the gradient, in one graph. Heads, negatives and projection are
 * inputs of it, so that one graph serves every index.
 */
import { differentiate } from '../onnx/differentiate.js';
import { GraphBuilder } from '../onnx/builder.js';
import { like } from '../onnx/rules/rule.js';
import type { Loss } from '../losses/loss.js';
import { writeForward } from './forward.js';
import type { ImportedEncoder } from './imported-encoder.js';
import { writeProjection, type BilinearProjection } from './projection.js';

/** What is computed of a gradient: its factors δ and x, or its projection. */
export type GradientOutput = { readonly kind: 'factors' } | ({ readonly kind: 'bilinear' } & BilinearProjection);

export interface TailSpec {
  /** Absent: only f(x) is computed. */
  readonly loss?: Loss;
  readonly gradient?: GradientOutput;
  /** Of a projection: whether by way of the gradient, and not term by term. @default false */
  readonly built?: boolean;
}

export const OUTPUTS = {
  pooled: 'fungi.pooled',
  loss: 'fungi.loss',
  delta: 'fungi.delta',
  x: 'fungi.x',
  block: 'fungi.block',
} as const;
export type OutputName = keyof typeof OUTPUTS;

export interface TailGraph {
  readonly bytes: Uint8Array;
  readonly outputs: readonly OutputName[];
}

/** What a tail computes. */
export function outputsOf({ loss, gradient }: TailSpec): readonly OutputName[] {
  if (loss === undefined) return ['pooled'];
  if (gradient === undefined) return ['pooled', 'loss'];
  return ['pooled', 'loss', ...(gradient.kind === 'factors' ? (['delta', 'x'] as const) : (['block'] as const))];
}

/**
 * Shapes below: B items of V views in U rows (equal views of an item share a row, U = B where V = 1), A tokens (those that pooling reads, where sliced).
 *
 * @throws {FungiError} OP_UNSUPPORTED when the tail holds an operator without a derivative rule
 */
export function buildTail(encoder: ImportedEncoder, spec: TailSpec): TailGraph {
  const { target } = encoder;
  const g = new GraphBuilder(`${encoder.id} tail`, encoder.tail.opset);
  const { weights, pooled, loss } = writeForward(g, encoder, spec.loss);
  g.output(pooled, 'float32', ['views', encoder.dims], OUTPUTS.pooled);
  if (loss !== undefined) g.output(loss, 'float32', ['items'], OUTPUTS.loss);
  if (loss !== undefined && spec.gradient !== undefined) {
    const delta = byRow(g, scaledDerivative(g, loss, target.output), weights, target.outFeatures); // [U,A,O]
    const x = byRow(g, target.input, weights, target.inFeatures); // [U,A,I]
    if (spec.gradient.kind === 'factors') {
      g.output(delta, 'float32', ['rows', 'terms', target.outFeatures], OUTPUTS.delta);
      g.output(x, 'float32', ['rows', 'terms', target.inFeatures], OUTPUTS.x);
    } else {
      const way = { shared: spec.loss!.views > 1, built: spec.built === true };
      const block = writeProjection(g, encoder, spec.gradient, way, delta, x);
      g.output(block, 'float32', ['items', spec.gradient.mixed ?? spec.gradient.count], OUTPUTS.block);
    }
  }
  return { bytes: g.build(), outputs: outputsOf(spec) };
}

/**
 * 2⁶⁴: KL at T = 15, pooled over 1,500 frames, sends back some 1e-13, and the slope of a GELU makes of that less than float32's least
 * normal number. CPUs take tens of cycles for such numbers: the derivative of Whisper-tiny's tail took four times as long. A power of
 * two changes no digit.
 */
const SCALE = 2 ** 64;

/** ∂`loss`/∂`wrt`, computed of a loss that is larger. */
function scaledDerivative(g: GraphBuilder, loss: string, wrt: string): string {
  const larger = differentiate(g, g.op('Mul', [loss, like(g, loss, SCALE)]), wrt);
  return g.op('Mul', [larger, g.scalar(1 / SCALE)]);
}

/** [U,A,W] (or any layout of the same elements) as [U,A,W]. */
function byRow(g: GraphBuilder, tensor: string, weights: string, width: number): string {
  const leading = g.op('Slice', [g.op('Shape', [weights]), g.integers([0]), g.integers([2]), g.integers([0])]);
  const shape = g.op('Concat', [leading, g.integers([width])], { axis: 0 });
  return g.annotate(g.op('Reshape', [tensor, shape]), 'float32', ['rows', 'terms', width]);
}
