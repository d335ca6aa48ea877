/** Every derivative rule on random shapes and attributes against finite differences, and in onnxruntime. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/onnx/rules/table.js';
import { FORWARD_ONLY } from './forward-only.js';
import { randomCases, RANDOM_RULES } from './random-cases.js';
import { checkAgainstFiniteDifferences, checkInOnnxruntime } from './vjp-check.js';

const SETTINGS = { numRuns: 20, seed: 2411, endOnFailure: false } as const;

/** Results are of order 1: what cancels to less than this is rounding. */
const FLOOR = 1e-2;

it('there are random cases for every rule that has a derivative, and for no other', () => {
  const rules = [...RULES.keys()].filter((key) => !FORWARD_ONLY.has(key));
  expect([...RANDOM_RULES].sort()).toEqual(rules.sort());
});

describe.each(RANDOM_RULES)('%s', (rule) => {
  it('agrees with finite differences', () => {
    const property = fc.property(randomCases(rule), (c) => {
      checkAgainstFiniteDifferences(c, FLOOR);
    });
    fc.assert(property, SETTINGS);
  });

  it('is the same in onnxruntime', async () => {
    const cases = fc.sample(randomCases(rule), SETTINGS).filter((c) => c.onnxruntime !== false);
    for (const opset of new Set(cases.flatMap((c) => c.opsets ?? []))) {
      const here = cases.filter((c) => c.opsets?.includes(opset) === true);
      await checkInOnnxruntime(here, opset, FLOOR);
    }
  });
});
