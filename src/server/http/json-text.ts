/**
 * Reads JSON that a stranger wrote. What JSON.parse lets through and later code stumbles over is refused on the text itself, in one
 * pass without recursion: 200,000 brackets deep, keys given twice, `__proto__`, half a surrogate pair, numbers that become Infinity.
 */
import { FungiError } from '../../core/errors.js';
import { faultAt } from './fault.js';

export const MAX_DEPTH = 64;

/** An object or array that the scan is inside of. */
interface Frame {
  /** Keys seen so far; undefined in an array. */
  readonly keys: Set<string> | undefined;
  /** Key or position of the member at hand. */
  at: string | number;
  expectsKey: boolean;
}

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @throws {FungiError} INVALID_REQUEST */
export function parseJson(text: string): unknown {
  scan(text);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const [, position] = /position (\d+)/.exec((error as Error).message) ?? [];
    const where = position === undefined ? '' : ` at character ${position}`;
    throw new FungiError('INVALID_REQUEST', `the body is not JSON: it breaks off or goes wrong${where}`, {
      hint: 'NaN, Infinity, comments, single quotes and trailing commas are not JSON.',
    });
  }
}

/** Passes over text that is no JSON at all: the parser refuses that. */
function scan(text: string): void {
  const frames: Frame[] = [];
  const path = (): (string | number)[] => frames.map((frame) => frame.at);
  for (let i = 0; i < text.length; i += 1) {
    const top = frames[frames.length - 1];
    const character = text.charCodeAt(i);
    switch (character) {
      case QUOTE: {
        const end = closingQuote(text, i);
        if (end === -1) return;
        const raw = text.slice(i + 1, end);
        i = end;
        if (top?.keys !== undefined && top.expectsKey) enterKey(top, raw, path);
        else if (raw.includes('\\u')) assertWellFormed(unescaped(raw), path());
        break;
      }
      case 0x7b: // {
      case 0x5b: // [
        if (frames.length === MAX_DEPTH) {
          throw faultAt([], `more than ${MAX_DEPTH} levels deep`, 'Flatten it: no route reads such depths.');
        }
        if (character === 0x7b) frames.push({ keys: new Set(), at: '', expectsKey: true });
        else frames.push({ keys: undefined, at: 0, expectsKey: false });
        break;
      case 0x7d: // }
      case 0x5d: // ]
        frames.pop();
        break;
      case 0x2c: // ,
        if (top?.keys !== undefined) top.expectsKey = true;
        else if (top !== undefined) top.at = (top.at as number) + 1;
        break;
      default:
        if (character === 0x2d || (character >= 0x30 && character <= 0x39)) i = endOfNumber(text, i, path) - 1;
    }
  }
}

function enterKey(frame: Frame, raw: string, path: () => (string | number)[]): void {
  const key = raw.includes('\\') ? unescaped(raw) : raw;
  frame.at = key;
  frame.expectsKey = false;
  assertWellFormed(key, path());
  if (key === '__proto__') throw faultAt(path(), 'the key __proto__ is not taken');
  if (frame.keys?.has(key) === true) throw faultAt(path(), 'the key is given twice');
  frame.keys?.add(key);
}

/** Index of the quote that closes the string opened at `start`; -1 where none does. */
function closingQuote(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (end - 1 - slashes > start && text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes += 1;
    if (slashes % 2 === 0) return end;
  }
  return -1;
}

/** What the string says; as it stands where its escapes are broken, which the parser will refuse. */
function unescaped(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}

function assertWellFormed(text: string, path: readonly (string | number)[]): void {
  if (text.isWellFormed()) return;
  throw faultAt(
    path,
    'half a surrogate pair, which UTF-8 cannot hold',
    'Repair the encoding at the source, or put U+FFFD in its place (in JavaScript: text.toWellFormed()).',
  );
}

function endOfNumber(text: string, start: number, path: () => (string | number)[]): number {
  NUMBER.lastIndex = start;
  const [token = text.charAt(start)] = NUMBER.exec(text) ?? [];
  if (!Number.isFinite(Number(token)) && token !== '-') throw faultAt(path(), 'the number is too large');
  return start + token.length;
}
