import { describe, expect, it } from 'vitest';
import { assertExample } from '../../src/core/example-check.js';

const check = (example: unknown) => () => {
  assertExample(example, 'train.jsonl:12');
};
const good = { input: 'a text', label: 'a label' };

describe('assertExample', () => {
  it.each([
    good,
    { ...good, input: 'NUL \0 and \n newline', id: ' ' },
    { ...good, id: 'x'.repeat(512), metadata: {} },
    { ...good, metadata: { year: 2024, share: -0.5, checked: false, note: '', 'two words': 'NUL \0' } },
  ])('takes %j', (example) => {
    expect(check(example)).not.toThrow();
  });

  it.each<[string, unknown, string]>([
    ['INVALID_DATA', null, 'object'],
    ['INVALID_DATA', 'a text', 'object'],
    ['INVALID_TEXT', { ...good, input: '  ' }, 'empty'],
    ['INVALID_TEXT', { ...good, input: 'lone \ud800' }, 'surrogate'],
    ['INVALID_TEXT', { input: 'a text' }, 'label'],
    ['INVALID_TEXT', { ...good, label: '' }, 'label'],
    ['INVALID_TEXT', { ...good, label: '\n' }, 'label'],
    ['INVALID_TEXT', { ...good, label: 7 }, 'label'],
    ['INVALID_TEXT', { ...good, label: 'lone \udc00' }, 'label'],
    ['INVALID_DATA', { ...good, label: 'nul \0' }, 'label'],
    ['INVALID_DATA', { ...good, id: '' }, 'id'],
    ['INVALID_DATA', { ...good, id: 7 }, 'id'],
    ['INVALID_DATA', { ...good, id: null }, 'id'],
    ['INVALID_DATA', { ...good, id: 'x'.repeat(513) }, '512'],
    ['INVALID_DATA', { ...good, id: 'nul \0' }, 'id'],
    ['INVALID_DATA', { ...good, metadata: null }, 'metadata'],
    ['INVALID_DATA', { ...good, metadata: ['x'] }, 'metadata'],
    ['INVALID_DATA', { ...good, metadata: JSON.parse('{"size": 1e999}') as unknown }, '"size"'],
    ['INVALID_DATA', { ...good, metadata: { tags: ['x'] } }, '"tags"'],
    ['INVALID_DATA', { ...good, metadata: { note: 'lone \ud800' } }, '"note"'],
    ['INVALID_DATA', { ...good, metadata: { 'nul \0': 'x' } }, 'key'],
  ])('refuses with %s %j, naming the row', (code, example, says) => {
    expect(check(example)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(/train\.jsonl:12/) as string }),
    );
    expect(check(example)).toThrow(says);
  });
});
