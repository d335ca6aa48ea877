import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { MAX_DEPTH, parseJson } from '../../../src/server/http/json-text.js';

function refusal(text: string): FungiError {
  try {
    parseJson(text);
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
  throw new Error(`read ${text.slice(0, 80)}`);
}

const pointers = (text: string): unknown => (refusal(text).details['faults'] as { pointer: string }[])[0]?.pointer;

describe('JSON of strangers', () => {
  it('is what JSON.parse reads, where nothing is wrong with it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 12 }), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        fc.pre(!text.includes('"__proto__"') && text.isWellFormed() && !/\\u[dD][89a-fA-F]/.test(text));
        expect(parseJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('ends in INVALID_REQUEST or a value, whatever the text', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      '"a"',
      '1',
      '-',
      '1e999',
      'null',
      '\\ud800',
      ' ',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces).map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          let value: unknown;
          try {
            value = parseJson(text);
          } catch (error) {
            expect(FungiError.is(error, 'INVALID_REQUEST')).toBe(true);
            return;
          }
          expect(value).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 500 },
    );
  });

  it.each([
    '',
    ' ',
    '{',
    '{"a":}',
    "{'a':1}",
    '[1,]',
    'NaN',
    '[NaN]',
    '[Infinity]',
    'undefined',
    '{"a":1}}',
    '"',
    '01',
    '// a\n1',
  ])('is not %j', (text) => {
    expect(refusal(text).code).toBe('INVALID_REQUEST');
  });

  it('says where it breaks, and never quotes it', () => {
    const { message } = refusal('{"secret": 1 "b": 1}');
    expect(message).toContain('at character 13');
    expect(message).not.toContain('secret');
  });

  it(`is ${MAX_DEPTH} levels deep at most, counted outside of strings`, () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(MAX_DEPTH))).toBeInstanceOf(Array);
    expect(refusal(nested(MAX_DEPTH + 1)).message).toContain('64 levels');
    expect(parseJson(JSON.stringify('['.repeat(1000)))).toBe('['.repeat(1000));
    expect(parseJson(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001);
    // JSON.parse reads this one, and whatever walks the value then overflows its stack.
    const deep = nested(200_000);
    expect(() => JSON.stringify(JSON.parse(deep))).toThrow(RangeError);
    expect(refusal(deep).code).toBe('INVALID_REQUEST');
    expect(refusal('{"a":'.repeat(200_000)).message).toContain('64 levels');
  });

  it('has no key twice, however it is written', () => {
    expect(JSON.parse('{"a":1,"a":2}')).toEqual({ a: 2 });
    expect(pointers('{"a":1,"b":{"c":1,"c":2}}')).toBe('#/b/c');
    expect(pointers('{"a":1,"\\u0061":2}')).toBe('#/a');
    expect(pointers('[{},{"x/y~z":1,"x/y~z":2}]')).toBe('#/1/x~1y~0z');
    expect(parseJson('[{"a":1},{"a":2},{"b":{"a":1},"a":2}]')).toHaveLength(3);
  });

  it('has no __proto__, however it is written, but may have it as a value', () => {
    expect(pointers('{"a":{"__proto__":{"admin":true}}}')).toBe('#/a/__proto__');
    expect(refusal('{"\\u005f_proto__":1}').message).toContain('__proto__');
    expect(parseJson('["__proto__"]')).toEqual(['__proto__']);
  });

  it('has no half of a surrogate pair in keys or values', () => {
    expect((JSON.parse('"\\ud800"') as string).isWellFormed()).toBe(false);
    expect(pointers('{"a":["x","\\ud800"]}')).toBe('#/a/1');
    expect(pointers('{"\\udc00":1}')).toBe('#/\udc00');
    expect(refusal('"\\ud800\\u0041"').code).toBe('INVALID_REQUEST');
    expect(parseJson('"\\ud83d\\ude00"')).toBe('😀');
    expect(parseJson('"\\\\ud800"')).toBe('\\ud800');
  });

  it('has no number that becomes Infinity', () => {
    expect(JSON.parse('1e999')).toBe(Infinity);
    expect(pointers('{"v":[0.5,-1e999]}')).toBe('#/v/1');
    expect(refusal('9'.repeat(400)).code).toBe('INVALID_REQUEST');
    expect(parseJson('[1e308, -0.0, 1E-400, 12]')).toEqual([1e308, -0, 0, 12]);
  });

  it('is read in one pass: a megabyte of quotes, backslashes or brackets takes no square of its length', () => {
    for (const text of [
      '"\\'.repeat(500_000),
      '\\'.repeat(1_000_000),
      '"'.repeat(1_000_000),
      `"${'\\\\'.repeat(500_000)}"`,
    ]) {
      const begun = performance.now();
      try {
        parseJson(text);
      } catch (error) {
        expect(FungiError.is(error, 'INVALID_REQUEST')).toBe(true);
      }
      // The square of a million takes minutes.
      expect(performance.now() - begun).toBeLessThan(10_000);
    }
  });
});
