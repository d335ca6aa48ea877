import type { Attributes } from '../../../src/onnx/attributes.js';
import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, node, show, since, type Case } from './case.js';

const SHAPES: readonly Shape[] = [[5], [], [2, 3], [2, 1, 4], ['B', 'T', 2]];

interface Form {
  readonly attributes?: Attributes;
  readonly opsets?: readonly number[];
  readonly scales?: readonly number[];
}

/** Values keep off 0, where most have a kink, and `bends` is small against those farther out. */
const cases = (type: string, { attributes = {}, opsets, scales = [1e-3, 4] }: Form = {}): Case[] =>
  [...SHAPES.map((shape) => [shape, 1] as const), ...scales.map((scale) => [[3, 4], scale] as const)].map(
    ([shape, scale]) => ({
      rule: `:${type}`,
      label: `${show(shape)} scale ${scale} ${JSON.stringify(attributes)}`,
      ...(opsets && { opsets }),
      dims: DIMS,
      // onnxruntime subtracts 1 from an exponential near it.
      ...(type.endsWith('lu') && scale < 1 && { float32Tolerance: 1e-3 }),
      operands: [{ shape, scale, draw: 'apart', bends: 0.05 }],
      write: node(type, attributes),
    }),
  );

const alpha = { float: 0.3 };

export const activationCases: readonly Case[] = [
  ...cases('LeakyRelu'),
  ...cases('LeakyRelu', { attributes: { alpha } }),
  ...cases('Elu'),
  ...cases('Elu', { attributes: { alpha: { float: 1.5 } } }),
  ...cases('Selu'),
  ...cases('Selu', { attributes: { alpha: { float: 1.5 }, gamma: { float: 0.8 } } }),
  ...cases('HardSigmoid'),
  ...cases('HardSigmoid', { attributes: { alpha, beta: { float: 0.4 } } }),
  ...cases('HardSwish', { opsets: since(17) }),
  ...cases('Softplus', { scales: [1e-3, 30] }),
  ...cases('Mish', { opsets: since(18), scales: [1e-3, 10] }),
  ...cases('Softsign', { scales: [1e-3, 1e3] }),
];
