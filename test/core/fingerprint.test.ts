import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintLines, sha256 } from '../../src/core/fingerprint.js';

describe('fingerprintLines', () => {
  it('is the digest of one line of canonical JSON a value', () => {
    expect(fingerprintLines([{ b: 1, a: undefined, A: 'x\ny' }, ['z'], 2])).toBe(
      sha256('{"A":"x\\ny","b":1}\n["z"]\n2'),
    );
    expect(fingerprintLines([])).toBe(sha256(''));
  });

  it('tells any two lists apart', () => {
    const lists = fc.array(fc.oneof(fc.constantFrom('', '\n', '"\n"', 'a', 'a\nb'), fc.string()), { maxLength: 4 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        expect(fingerprintLines(a) === fingerprintLines(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });
});
