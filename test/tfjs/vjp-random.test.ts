/** The same for random shapes, axes, attributes and operator sets. */
import fc from 'fast-check';
import { it } from 'vitest';
import { randomCases, RANDOM_RULES } from '../onnx/random-cases.js';
import { checkAgainstAutodiff } from './vjp-check.js';

const SETTINGS = { numRuns: 25, seed: 2411, endOnFailure: false, includeErrorInReport: true } as const;

/** Results are of order 1: what cancels to less than this is rounding. */
const FLOOR = 1e-2;

it.each(RANDOM_RULES)('%s', async (rule) => {
  await fc.assert(
    fc.asyncProperty(randomCases(rule), (c) => checkAgainstAutodiff(c, FLOOR)),
    SETTINGS,
  );
});
