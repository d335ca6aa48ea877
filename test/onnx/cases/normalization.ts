import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, since, type Case, type Operand } from './case.js';

interface Variant {
  readonly values?: Omit<Operand, 'shape'>;
  readonly epsilon?: number;
  readonly axis?: number;
  readonly float32Tolerance?: number;
}

function layerNorm(shape: Shape, scale: Shape, bias: Shape | undefined, variant: Variant = {}): Case {
  const { values = {}, epsilon, axis, float32Tolerance } = variant;
  return {
    rule: ':LayerNormalization',
    label: `${show(shape, scale, ...(bias ? [bias] : []))} ${JSON.stringify(variant)}`,
    opsets: since(17),
    dims: DIMS,
    ...(float32Tolerance && { float32Tolerance }),
    operands: [{ shape, ...values }, { shape: scale }, ...(bias ? [{ shape: bias }] : [])],
    write: node('LayerNormalization', { axis, ...(epsilon !== undefined && { epsilon: { float: epsilon } }) }),
  };
}

interface SkipVariant {
  /** How many of γ, β and the bias there are. */
  readonly vectors: 1 | 2 | 3;
  readonly skip?: Shape;
  readonly epsilon?: number;
  /** The result is the normalised sum times the sum, which is an output too. */
  readonly withSum?: boolean;
}

/** Residual, normalisation and their sum as onnxruntime fuses them. */
function skipNorm(shape: Shape, variant: SkipVariant): Case {
  const { vectors, skip = shape, epsilon, withSum = false } = variant;
  const width = shape.at(-1)!;
  return {
    rule: 'com.microsoft:SkipLayerNormalization',
    label: `${show(shape)} ${JSON.stringify(variant)}`,
    dims: DIMS,
    operands: [shape, skip, ...Array.from({ length: vectors }, () => [width])].map((of) => ({ shape: of })),
    write: (g, x) => {
      const names = ['y', 'mean', 'inverse', 'sum'].map((name) => `${x[0]!}/${name}`);
      const attributes = epsilon === undefined ? {} : { epsilon: { float: epsilon } };
      const outputs = withSum ? names : names.slice(0, 1);
      const y = g.op('SkipLayerNormalization', x, attributes, { domain: 'com.microsoft', outputs });
      return withSum ? g.op('Mul', [y, names[3]!]) : y;
    },
  };
}

/** Root mean square norms: standard, and as onnxruntime writes them in every operator set. */
function rmsNorm(type: string, shape: Shape, variant: Variant = {}): Case {
  const { values = {}, epsilon, axis, float32Tolerance } = variant;
  return {
    rule: `:${type}`,
    label: `${show(shape)} ${JSON.stringify(variant)}`,
    ...(type === 'RMSNormalization' && { opsets: since(23) }),
    dims: DIMS,
    ...(float32Tolerance && { float32Tolerance }),
    operands: [{ shape, ...values }, { shape: shape.slice(-1) }],
    write: node(type, { axis, ...(epsilon !== undefined && { epsilon: { float: epsilon } }) }),
  };
}

const rmsNorms = ['RMSNormalization', 'SimplifiedLayerNormalization'].flatMap((type) => [
  rmsNorm(type, [2, 4]),
  rmsNorm(type, [4]),
  rmsNorm(type, [2, 1, 5], { epsilon: 1e-6 }),
  rmsNorm(type, [2, 3, 1, 4], { epsilon: 0.1 }),
  rmsNorm(type, [2, 3, 4], { axis: 2 }),
  rmsNorm(type, [2, 1], { epsilon: 0.1 }),
  rmsNorm(type, ['B', 'T', 4]),
  rmsNorm(type, [2, 6], { values: { scale: 1e-3 }, epsilon: 1e-7 }),
  rmsNorm(type, [2, 6], { values: { scale: 1e3 } }),
  // All elements are nearly the same, so that most of the derivative cancels.
  rmsNorm(type, [2, 6], { values: { offset: 30 }, float32Tolerance: 1e-3 }),
]);

/** The residual in front of it, and a bias as fourth input. */
function skipRms(
  shape: Shape,
  variant: { bias?: boolean; skip?: Shape; epsilon?: number; withSum?: boolean } = {},
): Case {
  const { bias = false, skip = shape, epsilon, withSum = false } = variant;
  const vectors = Array.from({ length: bias ? 2 : 1 }, () => shape.slice(-1));
  return {
    rule: 'com.microsoft:SkipSimplifiedLayerNormalization',
    label: `${show(shape)} ${JSON.stringify(variant)}`,
    dims: DIMS,
    operands: [shape, skip, ...vectors].map((of) => ({ shape: of })),
    write: (g, x) => {
      // onnxruntime computes no mean and no deviation here: they stay without names.
      const outputs = withSum ? [`${x[0]!}/y`, '', '', `${x[0]!}/sum`] : [`${x[0]!}/y`];
      const attributes = epsilon === undefined ? {} : { epsilon: { float: epsilon } };
      const y = g.op('SkipSimplifiedLayerNormalization', x, attributes, { domain: 'com.microsoft', outputs });
      return withSum ? g.op('Mul', [y, outputs[3]!]) : y;
    },
  };
}

export const normalizationCases: readonly Case[] = [
  ...rmsNorms,
  skipRms([2, 3, 4]),
  skipRms([2, 3, 4], { epsilon: 1e-6 }),
  skipRms([2, 3, 4], { bias: true }),
  skipRms([3, 5], { bias: true, epsilon: 0.1 }),
  skipRms([2, 3, 4], { skip: [3, 4] }),
  skipRms(['B', 'T', 4], { bias: true }),
  skipRms([2, 3, 4], { bias: true, withSum: true }),
  skipNorm([2, 3, 4], { vectors: 1 }),
  skipNorm([2, 3, 4], { vectors: 2, epsilon: 1e-12 }),
  skipNorm([2, 3, 4], { vectors: 3 }),
  skipNorm([3, 5], { vectors: 3, epsilon: 0.1 }),
  skipNorm([2, 3, 4], { vectors: 3, skip: [1, 3, 4] }),
  skipNorm([2, 3, 4], { vectors: 3, skip: [3, 4] }),
  skipNorm(['B', 'T', 4], { vectors: 3 }),
  skipNorm([2, 3, 4], { vectors: 3, withSum: true }),
  layerNorm([2, 4], [4], [4]),
  layerNorm([4], [4], [4]),
  layerNorm([2, 4], [4], undefined),
  layerNorm([2, 1, 5], [5], [5], { epsilon: 1e-12 }),
  layerNorm([2, 3, 1, 4], [4], [4], { epsilon: 0.1 }),
  layerNorm([2, 3, 4], [4], [4], { axis: 2 }),
  layerNorm([2, 1], [1], [1], { epsilon: 0.1 }),
  layerNorm(['B', 'T', 4], [4], [4]),
  layerNorm([2, 6], [6], [6], { values: { scale: 1e-3 }, epsilon: 1e-7 }),
  layerNorm([2, 6], [6], [6], { values: { scale: 1e3 } }),
  layerNorm([2, 6], [6], [6], { values: { offset: 30 } }),
  // The mean of float32 values near 1e4 is known to 1e-3 at best, and the deviations are of size 1.
  layerNorm([2, 6], [6], [6], { values: { offset: 1e4 }, float32Tolerance: 5e-3 }),
];
