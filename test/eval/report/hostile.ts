/** Strings that try to be markup. */
import fc from 'fast-check';

const HOSTILE = [
  '<script>alert(1)</script>',
  '</style>',
  '"',
  "'",
  '&lt;',
  '&',
  '<!--',
  ']]>',
  '" onload="x',
  '<b',
  '\u0000',
  '\uD800',
  'é',
  '🎉',
  'שלום',
];
/** Pieces that mean something in HTML between arbitrary text. */
export const hostile = fc
  .array(fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'binary' })))
  .map((parts) => parts.join(''));
