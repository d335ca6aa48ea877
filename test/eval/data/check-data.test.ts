import { describe, expect, it } from 'vitest';

import { FungiError } from '../../../src/core/errors.js';
import {
  assertSharedLabels,
  compareLabels,
  smallPoolWarning,
  unknownLabelWarning,
  untestedLabelWarning,
} from '../../../src/eval/data/check-data.js';

const rows = (...labels: string[]) => labels.map((label, i) => ({ input: `t${i}`, label }));
const names = { train: 'train.csv', test: 'test.csv' };

function refusal(train: string[], test: string[]): Pick<FungiError, 'code' | 'message' | 'hint'> | undefined {
  try {
    assertSharedLabels(rows(...train), rows(...test), names);
    return undefined;
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    return { code: error.code, message: error.message, hint: error.hint };
  }
}

describe('labels of both sides', () => {
  it('are compared', () => {
    expect(compareLabels(rows('b', 'a', 'd', 'a'), rows('c', 'a', 'c', 'e'))).toEqual({
      unknown: ['c', 'e'],
      unknownRows: 3,
      untested: ['b', 'd'],
    });
  });

  it('give no warning when they are the same', () => {
    const [train, test] = [rows('a', 'b', 'a'), rows('b', 'a')];
    expect([unknownLabelWarning(train, test), untestedLabelWarning(train, test)]).toEqual([undefined, undefined]);
  });

  it('are told, up to five of them', () => {
    expect(unknownLabelWarning(rows('a'), rows('a', 'b', 'b'))).toBe(
      '2 of 3 test rows cannot be right, since no training row has the label "b"',
    );
    expect(unknownLabelWarning(rows('a'), rows('a', 'b', 'c', 'd', 'e', 'f', 'g'))).toBe(
      '6 of 7 test rows cannot be right, since no training row has any of 6 labels: "b", "c", "d", "e", "f", …',
    );
    expect(untestedLabelWarning(rows('a', 'b', 'c'), rows('a'))).toBe(
      'nothing is measured of these 2 labels, which no test row has: "b", "c"',
    );
    expect(untestedLabelWarning(rows('a', 'b'), rows('a'))).toBe(
      'nothing is measured of this label, which no test row has: "b"',
    );
  });

  it('may differ in part', () => {
    expect(refusal(['a', 'b'], ['b', 'z'])).toBeUndefined();
  });

  it('may not differ altogether', () => {
    expect(refusal(['Refund', 'fee'], ['refund', 'charge'])).toEqual({
      code: 'INVALID_DATA',
      message: 'test.csv: none of its labels is one of train.csv: "charge", "refund" there, "Refund", "fee" here',
      hint: expect.stringContaining('--label-key') as string,
    });
  });

  it('with numbers on one side are told as that', () => {
    expect(refusal(['neg', 'pos'], ['0', '1'])?.hint).toBe(
      'One side has numbers where the other has names: write both alike.',
    );
    expect(refusal(['1', '2'], ['3'])?.hint).toContain('--label-key');
  });
});

describe('a small pool', () => {
  it('is told of when it has fewer than k rows', () => {
    expect([smallPoolWarning(20, 20), smallPoolWarning(1, 20)]).toEqual([
      undefined,
      'k is 20, and 1 row can vote: all of them do, for every test row alike',
    ]);
    expect(smallPoolWarning(19, 20)).toContain('19 rows');
  });
});
