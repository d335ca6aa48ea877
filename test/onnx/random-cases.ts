/** Random small cases of every rule that has a derivative: shapes, attributes, broadcasting, symbols, operator sets. */
import type fc from 'fast-check';
import type { Case } from './cases/case.js';
import type { Generators } from './random/draw.js';
import { elementwise } from './random/elementwise.js';
import { layout } from './random/layout.js';
import { pieces } from './random/pieces.js';
import { products } from './random/products.js';
import { reductions } from './random/reductions.js';

const GENERATORS: Generators = { ...elementwise, ...products, ...reductions, ...layout, ...pieces };

/** Keys of RULES that random cases can be drawn for. */
export const RANDOM_RULES: readonly string[] = Object.keys(GENERATORS);

/**
 * Cases of one operator set each. What they compute is told by the case alone: its label holds all that was drawn, and seeds the values
 * of its operands (drawFeed).
 *
 * @param rule key of RULES; one of RANDOM_RULES
 */
export function randomCases(rule: string): fc.Arbitrary<Case> {
  const generator = GENERATORS[rule];
  if (generator === undefined) throw new Error(`no random cases for ${rule}`);
  return generator.map(({ detail, opset, ...drawn }) => ({
    ...drawn,
    rule,
    label: `${JSON.stringify(detail)} operator set ${opset}`,
    opsets: [opset],
  }));
}
