import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EventReader } from '../../../src/server/chat/event-reader.js';

function read(parts: readonly (string | Uint8Array)[], maxBytes = 1000): string[] {
  const seen: string[] = [];
  const reader = new EventReader((data) => seen.push(data), maxBytes);
  for (const part of parts) reader.read(typeof part === 'string' ? Buffer.from(part) : part);
  reader.end();
  return seen;
}

describe('EventReader', () => {
  it.each<[string, string, string[]]>([
    ['events', 'data: a\n\ndata: b\n\n', ['a', 'b']],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', ['a', 'b']],
    ['CR', 'data: a\r\rdata: b\r\r', ['a', 'b']],
    ['a byte order mark', '\uFEFFdata: a\n\n', ['a']],
    ['no space', 'data:a\n\n', ['a']],
    ['one space of two', 'data:  a\n\n', [' a']],
    ['several lines', 'data: a\ndata\ndata: b\n\n', ['a\n\nb']],
    ['comments', ': still at it\n\n:\n\ndata: a\n: b\n\n', ['a']],
    ['other fields', 'event: x\nid: 1\ndata: a\nretry: 3\ndatabase: b\n\n', ['a']],
    ['no blank line at the end', 'data: a\n\ndata: [DONE]\n', ['a', '[DONE]']],
    ['no line end at the end', 'data: a\n\ndata: [DONE]', ['a', '[DONE]']],
    ['nothing', '', []],
    ['blank lines', '\n\r\n\r\r\n\n', []],
  ])('reads %s', (_, text, seen) => {
    expect(read([text])).toEqual(seen);
  });

  it('reads the same however the bytes are split', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'data: ',
        'data:',
        'data',
        ': ',
        '\n',
        '\r',
        '\r\n',
        '\n\n',
        '\uFEFF',
        'é',
        '🙂',
        '[DONE]',
        'id: 1',
      ),
      fc.string({ unit: 'grapheme', maxLength: 5 }),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(60), { maxLength: 12 }), (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(''));
        const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
        const parts = places.slice(1).map((end, i) => bytes.subarray(places[i], end));
        expect(read(parts)).toEqual(read([bytes]));
      }),
    );
  });

  it('passes over an event that is too long, and keeps no more of it than it may', () => {
    const long = 'x'.repeat(600);
    expect(read([`data: ${long}\n`, `data: ${long}\n\ndata: a\n\n`])).toEqual(['a']);
    expect(read(Array.from({ length: 100 }, () => `data: ${long}`).concat('\n\ndata: b\n\n'))).toEqual(['b']);
    expect(read([`data: ${'y'.repeat(994)}\n\n`])).toEqual(['y'.repeat(994)]);
  });

  it('does not see later changes of the bytes that it was given', () => {
    const part = Buffer.from('data: a');
    const seen: string[] = [];
    const reader = new EventReader((data) => seen.push(data), 100);
    reader.read(part);
    part.fill('z');
    reader.read(Buffer.from('\n\n'));
    expect(seen).toEqual(['a']);
  });

  it.each([
    ['', true],
    ['data: a\n\n', true],
    ['data: a\n\n: comment', false],
    ['data: a', false],
    ['data: a\n', false],
    ['da', false],
  ])('knows whether it is between events: %j', (text, between) => {
    const reader = new EventReader(() => undefined, 100);
    reader.read(Buffer.from(text));
    expect(reader.isBetweenEvents).toBe(between);
  });
});
