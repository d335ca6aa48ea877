/** Every operator the engine can differentiate, by "domain:type". One file a family; an operator is added there. */
import { activation, fusedActivation } from './activation.js';
import { comparison, elementwise } from './elementwise.js';
import { layout, shapeData } from './layout.js';
import { matmul } from './matmul.js';
import { fusedNormalization, normalization } from './normalization.js';
import { reduction } from './reduction.js';
import type { Rule } from './rule.js';

const standard = {
  ...elementwise,
  ...comparison,
  ...activation,
  ...matmul,
  ...reduction,
  ...layout,
  ...shapeData,
  ...normalization,
} satisfies Record<string, Rule>;

const microsoft = { ...fusedActivation, ...fusedNormalization } satisfies Record<string, Rule>;

/** Operators of the standard set that have a rule: what losses and derivatives may be written with. */
export type StandardOp = keyof typeof standard;

export const RULES: ReadonlyMap<string, Rule> = new Map([
  ...Object.entries<Rule>(standard).map(([type, rule]) => [`:${type}`, rule] as const),
  // Some exporters write the standard domain out.
  ...Object.entries<Rule>(standard).map(([type, rule]) => [`ai.onnx:${type}`, rule] as const),
  ...Object.entries<Rule>(microsoft).map(([type, rule]) => [`com.microsoft:${type}`, rule] as const),
]);
