import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exampleId } from '../../src/store/store.js';

describe('exampleId', () => {
  it('is the sha256 of the documented text', () => {
    const text = '{"input":"Où est ma carte \\"bleue\\"?\\n","label":"card"}';
    const expected = createHash('sha256').update(text, 'utf8').digest('hex');
    expect(exampleId('Où est ma carte "bleue"?\n', 'card')).toBe(expected);
  });

  it('differs unless content and label are the same', () => {
    const part = fc.string({ maxLength: 4, unit: fc.constantFrom('a', '"', ',', ':', '\\', '{', '}') });
    fc.assert(
      fc.property(part, part, part, part, (input, label, otherInput, otherLabel) => {
        const same = input === otherInput && label === otherLabel;
        expect(exampleId(input, label) === exampleId(otherInput, otherLabel)).toBe(same);
      }),
      { seed: 1 },
    );
  });
});
