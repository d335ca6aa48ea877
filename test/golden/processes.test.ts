/** A gradient is the same in another process, which computes the families in another order. */
import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it } from 'vitest';
import { FAMILIES, familyFactors, type FamilyFactors } from '../support/family-factors.js';
import { relativeError } from '../support/golden.js';

describe('in another process', () => {
  let [here, there]: Record<string, FamilyFactors>[] = [];
  beforeAll(async () => {
    here = await familyFactors(FAMILIES);
    const child = new URL('../support/family-factors-child.ts', import.meta.url).pathname;
    const argv = ['--import', 'tsx', child, ...FAMILIES.toReversed()];
    const output = execFileSync(process.execPath, argv, { encoding: 'utf8', maxBuffer: 2 ** 26 });
    there = JSON.parse(output) as Record<string, FamilyFactors>;
    expect(Object.keys(there)).toEqual(FAMILIES.toReversed());
  });

  it.each(FAMILIES)('%s has the same factors', (family) => {
    for (const part of ['delta', 'x'] as const)
      expect(relativeError(there![family]![part], here![family]![part])).toBeLessThan(1e-6);
  });
});
