/** docs/selection.md shows policies that are ones, and leaves no member and no rule out. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { parsePolicy, POLICY_MEMBERS } from '../../src/policies/options.js';
import { EXAMPLE_ORDERS } from '../../src/policies/order.js';
import { PACKINGS } from '../../src/prompt/budget.js';

const doc = readFileSync(new URL('../../docs/selection.md', import.meta.url), 'utf8');
const shown = [...doc.matchAll(/```yaml\n([^]*?)```/g)].map(([, yaml]) => parse(yaml!) as Record<string, unknown>);

it.each(shown)('%o is a policy', (policy) => {
  expect(() => parsePolicy(policy, 20)).not.toThrow();
});

it('shows each member, and names each order and packing', () => {
  const members = new Set(shown.flatMap((policy) => Object.keys(policy)));
  expect(POLICY_MEMBERS.filter((member) => !members.has(member) && member !== 'candidates')).toEqual([]);
  for (const name of ['candidates', ...EXAMPLE_ORDERS, ...PACKINGS]) expect(doc).toContain(`\`${name}\``);
});

it('names each rule of an explanation', () => {
  const rules = ['nearest', 'hybrid', 'mmr', 'dpp', 'max-per-label', 'min-labels'];
  const drops = ['excluded-id', 'same-text', 'duplicate', 'adaptive-k', 'beyond-k'];
  for (const rule of [...rules, ...drops]) expect(doc).toContain(`\`${rule}\``);
});
