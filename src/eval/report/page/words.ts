/** Numbers and names as the report writes them, in HTML and Markdown alike. */

/** 0.8523 → "85.2" */
export const percent = (fraction: number): string => (100 * fraction).toFixed(1);

/** 0.031 → "+3.1", −0.031 → "−3.1", 0 → "0.0": points of per cent */
export function points(fraction: number): string {
  const shown = percent(Math.abs(fraction));
  if (Number(shown) === 0) return '0.0';
  return `${fraction < 0 ? '−' : '+'}${shown}`;
}

/** The verdict's intervals as the page writes them: it is made for terminals, where a minus is a hyphen. "interval -1.2 to +3.4" → "interval −1.2 to +3.4" */
export const withMinus = (verdict: string): string => verdict.replace(/(?<=\binterval |\d to )-(?=\d)/g, '−');

/** The last parts of where a row was read: "/data/trec6/test.jsonl:17" → "trec6/test.jsonl:17" */
export const shortWhere = (where: string): string => shorten(where.split('/').slice(-2).join('/'), 80);

/** 3000 → "3,000" */
export const whole = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** 1 → "1 query", 3000 → "3,000 queries" */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${whole(count)} ${count === 1 ? one : many}`;

/** Seconds as milliseconds with two digits that count: 0.01234 → "12", 0.00123 → "1.2" */
export function milliseconds(seconds: number): string {
  const value = 1000 * seconds;
  if (value < 0.001) return value === 0 ? '0' : '< 0.001';
  return value >= 10 ? whole(Math.round(value)) : value.toFixed(value >= 1 ? 1 : value >= 0.1 ? 2 : 3);
}

/** p as a table has it: "0.031", "< 0.001" */
export const pValue = (p: number): string => (p < 0.001 ? '< 0.001' : p.toFixed(3));

/** Marks that would turn the writing of what follows; they end with the text where it has an element of its own. */
const TURNS = /[\u202A-\u202E\u2066-\u2069]/g;

/** White space as single spaces, no marks of direction, at most `length` characters (code points), with an ellipsis where something was cut. */
export function shorten(text: string, length: number): string {
  // A code point is at most two units: the rest of a long text need not be looked at.
  const line = text
    .slice(0, 20 * length + 200)
    .replace(TURNS, '')
    .replace(/\s+/gu, ' ')
    .trim();
  const characters = Array.from(line.slice(0, 2 * length + 2));
  const cut = characters.length > length || line.length > 2 * length + 2;
  return cut
    ? `${characters
        .slice(0, Math.max(0, length - 1))
        .join('')
        .trimEnd()}…`
    : line;
}

/** What stands for the label of an empty vote. */
export const NOTHING = '(nothing chosen)';
/** What stands for the label of a reply that is none. */
export const OFF_LIST = '(no label of the list)';

/** @param empty what stands for no label */
export const labelText = (label: string, empty = NOTHING): string => (label === '' ? empty : label);

/** "a", "a and b", "a, b and c" */
export const listed = (words: readonly string[]): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)!}`;
