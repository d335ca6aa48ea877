import { expect, it } from 'vitest';

import { accuracy } from '../../src/eval/metrics.js';

it('is the share of right predictions', () => {
  // scikit-learn 1.9.1 accuracy_score on these lists.
  expect(accuracy(Array.from('aaaaabbbbcccd'), Array.from('aaabcbbacccea'))).toBeCloseTo(0.5384615384615384, 15);
});

it.each([
  [['a', 'b'], ['a']],
  [[], []],
])('refuses %j against %j', (truth, predicted) => {
  expect(() => accuracy(truth, predicted)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
});
