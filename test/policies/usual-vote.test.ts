import { expect, it } from 'vitest';
import { parsePolicy, type PolicyOptions } from '../../src/policies/options.js';
import { unusualVote, USUAL_VOTERS } from '../../src/policies/usual-vote.js';

const of = (policy: PolicyOptions, k = 20) => unusualVote(parsePolicy(policy, k), k);

it.each<[PolicyOptions, number?]>([
  [{}],
  [{}, 1],
  [{ exclude: { query: true } }],
  [{ candidates: USUAL_VOTERS }, 50],
  [{ choice: { by: 'mmr' }, adaptive: { gap: 0.3 }, order: 'interleaved', packing: 'skip-long' }],
  [{ labelList: { alpha: 0.1 }, abstain: { below: 0.9 } }],
  [{ duplicates: false, hybrid: false }],
])('is the usual one by %j', (policy, k) => {
  expect(of(policy, k)).toBeUndefined();
});

it.each<[string, PolicyOptions, number?]>([
  ['policy.exclude.ids', { exclude: { ids: ['r1'] } }],
  ['policy.duplicates', { duplicates: true }],
  ['policy.hybrid', { hybrid: { weight: 0.1 } }],
  ['policy.maxPerLabel', { maxPerLabel: 3 }],
  ['policy.minLabels', { minLabels: 2 }],
  ['policy.candidates', { candidates: 100 }],
  ['k, which is 21,', {}, 21],
])('is another one by %s', (member, policy, k) => {
  expect(of(policy, k)).toBe(member);
});
