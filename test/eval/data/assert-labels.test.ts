import { describe, expect, it } from 'vitest';

import { assertLabels, distinctLabels } from '../../../src/eval/data/read-examples.js';

describe('assertLabels', () => {
  const labelled = (...labels: string[]) => labels.map((label) => ({ input: 'a', label }));

  it('passes two labels', () => {
    expect(() => {
      assertLabels(labelled('x', 'y', 'x'), 'train.csv');
    }).not.toThrow();
    expect(distinctLabels(labelled('y', 'x', 'y'))).toEqual(['x', 'y']);
  });

  it.each([
    [labelled('x', 'x'), 'train.csv: only the label "x"'],
    [[], 'train.csv: no examples'],
  ])('refuses fewer', (examples, message) => {
    expect(() => {
      assertLabels(examples, 'train.csv');
    }).toThrow(expect.objectContaining({ code: 'INVALID_DATA', message: expect.stringContaining(message) as string }));
  });
});
