/** Every derivative rule against TensorFlow.js' automatic differentiation, which knows nothing of our rules. */
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/onnx/rules/table.js';
import { KERNELS } from '../../src/tfjs/kernels/table.js';
import { FORWARD_ONLY } from '../onnx/forward-only.js';
import { allCases } from './all-cases.js';
import { checkAgainstAutodiff } from './vjp-check.js';

const CASES = await allCases();
const keys = [...RULES.keys()];
const rules = [...new Set(CASES.map(({ rule }) => rule))];

describe('the rule table', () => {
  it('has a case here for every rule through which a derivative flows', () => {
    expect(keys.filter((key) => !FORWARD_ONLY.has(key) && !rules.includes(key))).toEqual([]);
  });

  it('has a kernel here for every operator', () => {
    expect([...RULES.keys()].filter((key) => !KERNELS.has(key))).toEqual([]);
  });
});

describe.each(rules)('%s', (rule) => {
  it.each(CASES.filter((c) => c.rule === rule).map((c) => [c.label, c] as const))('%s', (_, c) =>
    checkAgainstAutodiff(c),
  );
});
