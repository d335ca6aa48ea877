import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { labelOf, parseLabel } from '../../src/llm/label.js';

const LABELS = ['card_arrival', 'card_linking', 'card'];
const found = (label: string): object => ({ kind: 'label', label });

describe('accepts', () => {
  it.each([
    'card_arrival',
    '  card_arrival\n',
    'card_arrival.',
    '"card_arrival"',
    "'card_arrival'",
    '`card_arrival`',
    '“card_arrival”',
    '"card_arrival".',
    '"card_arrival."',
    ' ` card_arrival ` ',
    'Card_Arrival',
    'Label: card_arrival',
    'class: "CARD_ARRIVAL".',
  ])('%j', (reply) => {
    expect(parseLabel(reply, LABELS)).toEqual(found('card_arrival'));
  });
});

it('finds a label with a control token as the prompt shows it, and as it is', () => {
  expect(parseLabel('tag < s>', ['tag <s>', 'tag <b>'])).toEqual(found('tag <s>'));
  expect(parseLabel('tag <s>', ['tag <s>', 'tag <b>'])).toEqual(found('tag <s>'));
  expect(parseLabel('tag < s>', ['tag <s>', 'tag < s>'])).toEqual(found('tag < s>'));
});

it('takes the spaced form of a label in its own case, where another differs in case only', () => {
  const labels = ['<s>', '<S>'];
  expect(parseLabel('< s>', labels)).toEqual(found('<s>'));
  expect(parseLabel('"< S>".', labels)).toEqual(found('<S>'));
  expect(parseLabel('< s>.', ['<s>.', '<s>'])).toEqual(found('<s>.'));
  expect(parseLabel('< s>< s>', ['<s>< s>', '< s><s>']).kind).toBe('invalid');
});

it.each(['length', 'content_filter'])(
  'takes no reply that ended with %s, not even one that equals a label',
  (reason) => {
    const reply = { text: 'card', finishReason: reason };
    expect(labelOf(reply, LABELS)).toEqual({ kind: 'invalid', reply: 'card', cut: reason });
    expect(labelOf({ ...reply, finishReason: 'stop' }, LABELS)).toEqual(found('card'));
    expect(labelOf({ ...reply, finishReason: 'unknown' }, LABELS)).toEqual(found('card'));
  },
);

describe('refuses', () => {
  it.each([
    '',
    ' ',
    '.',
    '""',
    'card_arriva',
    'card_arrivals',
    'card arrival',
    'card_arrival, card_linking',
    'card_arrival\ncard_linking',
    '"card_arrival" "card_linking"',
    '"card_arrival", "card_linking"',
    'The class is card_arrival',
    'Answer: card_arrival',
    'card_arrival (0.9)',
    '**card_arrival**',
    '""card_arrival""',
    'card_arrival..',
    'I cannot help with that.',
  ])('%j', (reply) => {
    expect(parseLabel(reply, LABELS)).toEqual({ kind: 'invalid', reply });
  });

  it('anything when there are no labels', () => {
    expect(parseLabel('', [])).toEqual({ kind: 'invalid', reply: '' });
  });
});

it('ignores case only where one label fits', () => {
  const labels = ['Reset', 'reset', 'Top'];
  expect(parseLabel('Reset', labels)).toEqual(found('Reset'));
  expect(parseLabel('"reset".', labels)).toEqual(found('reset'));
  expect(parseLabel('RESET', labels).kind).toBe('invalid');
  expect(parseLabel('TOP', labels)).toEqual(found('Top'));
  expect(parseLabel('TOP', ['Top', 'Top'])).toEqual(found('Top'));
});

it('prefers the least altered form', () => {
  const labels = ['a', '"a"', 'a.', 'Class: a', ' a'];
  for (const label of labels) expect(parseLabel(label, labels)).toEqual(found(label));
  expect(parseLabel(' a ', labels)).toEqual(found('a'));
  expect(parseLabel("'a.'", labels)).toEqual(found('a.'));
});

it('sees composed and decomposed letters as equal where one label fits', () => {
  expect(parseLabel('cafe\u0301', ['caf\u00e9'])).toEqual(found('caf\u00e9'));
  expect(parseLabel('cafe\u0301', ['caf\u00e9', 'cafe\u0301'])).toEqual(found('cafe\u0301'));
});

const awkward = fc
  .array(
    fc.oneof(
      fc.constantFrom('"', "'", '`', '.', ' ', 'label:', 'Class: ', 'é', 'İ', 'ß', '“', '”', 'a', 'A', '\n'),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((parts) => parts.join(''));
const lists = fc.uniqueArray(awkward, { minLength: 1, maxLength: 8 });

it('every label is found as itself, whatever the others are', () => {
  fc.assert(
    fc.property(lists, (labels) => {
      for (const label of labels) expect(parseLabel(label, labels)).toEqual(found(label));
    }),
    { numRuns: 1000 },
  );
});

it('answers with a label of the list, or with the reply untouched', () => {
  fc.assert(
    fc.property(awkward, lists, (reply, labels) => {
      const parsed = parseLabel(reply, labels);
      if (parsed.kind === 'invalid') expect(parsed.reply).toBe(reply);
      else expect(labels).toContain(parsed.label);
    }),
    { numRuns: 1000 },
  );
});

it('a reply that names two labels is invalid', () => {
  const plain = fc.uniqueArray(fc.stringMatching(/^[a-zA-Z_]{1,10}$/), { minLength: 2, maxLength: 6 });
  const between = fc.constantFrom(' ', ', ', '\n', ' or ', ' and ', '/', '. ', '", "', '` `');
  const around = fc.constantFrom('', '"', "'", '`');
  fc.assert(
    fc.property(plain, between, around, (labels, separator, quote) => {
      const reply = `${quote}${labels[0]!}${separator}${labels[1]!}${quote}`;
      expect(parseLabel(reply, labels)).toEqual({ kind: 'invalid', reply });
    }),
    { numRuns: 1000 },
  );
});
