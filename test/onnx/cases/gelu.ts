import type { Shape } from '../../../src/onnx/shape.js';
import { DIMS, microsoft, node, show, since, type Case } from './case.js';

const SHAPES: readonly Shape[] = [[5], [2, 3], [2, 1, 4], [2, 1, 2, 2], ['B', 'T', 2]];
const SCALES = [1e-3, 3, 1e3];

const gelu = (rule: string, variant: string, opsets: readonly number[] | undefined, write: Case['write']): Case[] =>
  [...SHAPES.map((shape) => [shape, 1] as const), ...SCALES.map((scale) => [[3, 4], scale] as const)].map(
    ([shape, scale]) => ({
      rule,
      label: `${variant}${show(shape)} scale ${scale}`,
      ...(opsets && { opsets }),
      dims: DIMS,
      operands: [{ shape, scale, draw: 'apart', bends: 0.5 }],
      write,
    }),
  );

const BIASED: readonly (readonly [Shape, Shape])[] = [
  [[2, 3], [3]],
  [[2, 1, 4], [4]],
  [[2, 1], [1]],
  [['B', 'T', 2], [2]],
]; // prettier-ignore

const biased = (type: string): Case[] =>
  BIASED.map(([shape, bias]) => ({
    rule: `com.microsoft:${type}`,
    label: `with bias ${show(shape, bias)}`,
    dims: DIMS,
    operands: [{ shape, scale: 2, bends: 0.5 }, { shape: bias, bends: 0.5 }],
    write: microsoft(type),
  })); // prettier-ignore

export const geluCases: readonly Case[] = [
  ...gelu(':Gelu', 'by default ', since(20), node('Gelu')),
  ...gelu(':Gelu', 'none ', since(20), node('Gelu', { approximate: 'none' })),
  ...gelu(':Gelu', 'tanh ', since(20), node('Gelu', { approximate: 'tanh' })),
  ...gelu('com.microsoft:Gelu', '', undefined, microsoft('Gelu')),
  ...gelu('com.microsoft:FastGelu', '', undefined, microsoft('FastGelu')),
  ...gelu('com.microsoft:QuickGelu', '', undefined, microsoft('QuickGelu')),
  ...gelu('com.microsoft:QuickGelu', 'alpha 1 ', undefined, microsoft('QuickGelu', { alpha: { float: 1 } })),
  ...biased('FastGelu'),
  ...biased('BiasGelu'),
];
