/** Every operator this engine computes, by "domain:type". One file a family; an operator is added there. */
import type { Kernel } from '../node-call.js';
import { activation, fusedActivation } from './activation.js';
import { arithmetic } from './arithmetic.js';
import { fusedAttention } from './attention.js';
import { comparison } from './comparison.js';
import { conversion } from './conversion.js';
import { einsums } from './einsum.js';
import { indexing } from './indexing.js';
import { layout } from './layout.js';
import { fusedNormalization, normalization } from './normalization.js';
import { fusedProducts, products } from './products.js';
import { quantization } from './quantization.js';
import { ranges } from './ranges.js';
import { reductions } from './reduction.js';
import { shapeData } from './shape-data.js';
import { soft } from './softmax.js';
import { trigonometry } from './trigonometry.js';

const standard: Readonly<Record<string, Kernel>> = {
  ...arithmetic,
  ...trigonometry,
  ...activation,
  ...comparison,
  ...conversion,
  ...products,
  ...einsums,
  ...reductions,
  ...soft,
  ...normalization,
  ...layout,
  ...ranges,
  ...indexing,
  ...shapeData,
  ...quantization,
};

const microsoft: Readonly<Record<string, Kernel>> = {
  ...fusedActivation,
  ...fusedNormalization,
  ...fusedProducts,
  ...fusedAttention,
};

export const KERNELS: ReadonlyMap<string, Kernel> = new Map([
  ...Object.entries(standard).map(([type, kernel]) => [`:${type}`, kernel] as const),
  ...Object.entries(microsoft).map(([type, kernel]) => [`com.microsoft:${type}`, kernel] as const),
]);
