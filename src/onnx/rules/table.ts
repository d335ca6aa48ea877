/** Every operator the engine can differentiate, by "domain:type". One file a family; an operator is added there. */
import { activation } from './activation.js';
import { comparison } from './comparison.js';
import { conversion, quantized } from './conversion.js';
import { einsum } from './einsum.js';
import { elementwise } from './elementwise.js';
import { gather, places } from './gather.js';
import { fusedGelu, gelu } from './gelu.js';
import { joining } from './joining.js';
import { layout } from './layout.js';
import { fusedMatmul, matmul } from './matmul.js';
import { fusedNormalization, normalization } from './normalization.js';
import { reduction } from './reduction.js';
import type { Rule } from './rule.js';
import { selection } from './selection.js';
import { shapeData } from './shape-data.js';
import { slicing } from './slicing.js';

const standard = {
  ...elementwise,
  ...activation,
  ...gelu,
  ...selection,
  ...conversion,
  ...quantized,
  ...comparison,
  ...matmul,
  ...einsum,
  ...reduction,
  ...normalization,
  ...layout,
  ...slicing,
  ...joining,
  ...gather,
  ...places,
  ...shapeData,
} satisfies Record<string, Rule>;

const microsoft = { ...fusedGelu, ...fusedMatmul, ...fusedNormalization } satisfies Record<string, Rule>;

/** Operators of the standard set that have a rule: what losses and derivatives may be written with. */
export type StandardOp = keyof typeof standard;

export const RULES: ReadonlyMap<string, Rule> = new Map([
  ...Object.entries<Rule>(standard).map(([type, rule]) => [`:${type}`, rule] as const),
  ...Object.entries<Rule>(microsoft).map(([type, rule]) => [`com.microsoft:${type}`, rule] as const),
]);
