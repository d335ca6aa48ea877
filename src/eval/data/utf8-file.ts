import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';

import { FungiError } from '../../core/errors.js';

/** The way out where a source cannot be what was meant. */
export const WHAT_TO_GIVE =
  'Give a .jsonl, .csv, .tsv or .parquet file, a folder with a folder of files for each label, or hf:owner/name:split.';

const NEWLINE = 0x0a;
const REPLACEMENT = Buffer.from('\ufffd');

/**
 * A UTF-8 file's text in blocks that each end with "\n" (but the last), so that no character or CRLF is ever split; a byte
 * order mark is dropped. Holds one block in memory.
 *
 * @throws {FungiError} FILE_NOT_FOUND when the file cannot be read; INVALID_DATA with byte offset and line when it is not UTF-8
 */
export async function* readUtf8(path: string): AsyncGenerator<string> {
  let offset = 0;
  let line = 1;
  for await (const block of blocksOfLines(path)) {
    if (offset === 0) refuseUtf16(block, path);
    if (!isUtf8(block)) throw notUtf8(block, path, offset, line);
    const text = block.toString('utf8');
    yield offset === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
    offset += block.length;
    line += countNewlines(text);
  }
}

/** A line of a file, without its end. */
export interface Line {
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
}

/** A UTF-8 file's lines, ended by LF or CRLF. @throws {FungiError} as {@link readUtf8} */
export async function* utf8Lines(path: string): AsyncGenerator<Line> {
  let line = 0;
  for await (const block of readUtf8(path)) {
    // Not node:readline, which also breaks lines at U+2028 and U+2029: both may stand in a text, and unescaped in JSON.
    for (const text of linesIn(block)) yield { line: ++line, text };
  }
}

/** Characters of bytes 0x80 to 0x9F; the others are Latin-1's. (Node 20's TextDecoder takes windows-1252 for Latin-1.) */
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8DŽ\x8F\x90‘’“”•–—˜™š›œ\x9DžŸ';

const fromLatin1 = (text: string): string =>
  text.replace(/[\x80-\x9f]/g, (character) => WINDOWS_1252[character.charCodeAt(0) - 0x80]!);

/**
 * The lines of a file from before UTF-8: those that are not UTF-8 are read as Windows-1252, of which Latin-1's letters are a part.
 *
 * @throws {FungiError} FILE_NOT_FOUND when the file cannot be read; INVALID_DATA when it is UTF-16
 */
export async function* legacyLines(path: string): AsyncGenerator<Line & { readonly isUtf8: boolean }> {
  let line = 0;
  for await (const block of blocksOfLines(path)) {
    if (line === 0) refuseUtf16(block, path);
    // As Latin-1 every byte is one character, so that lines are cut before they are decoded.
    for (const latin1 of linesIn(block.toString('latin1'))) {
      const bytes = Buffer.from(latin1, 'latin1');
      const valid = isUtf8(bytes);
      yield { line: ++line, text: valid ? bytes.toString('utf8') : fromLatin1(latin1), isUtf8: valid };
    }
  }
}

function linesIn(block: string): string[] {
  const lines = block.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines.map((text) => (text.endsWith('\r') ? text.slice(0, -1) : text));
}

/** How many line feeds a text holds. */
export function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

/** The file's bytes, cut after line feeds only: byte 0x0A is never part of a longer UTF-8 sequence. */
async function* blocksOfLines(path: string): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      if (end > 0) {
        yield Buffer.concat([...held, chunk.subarray(0, end)]);
        held = [];
      }
      if (end < chunk.length) held.push(chunk.subarray(end));
    }
  } catch (cause) {
    throw unreadable(path, cause);
  }
  if (held.length > 0) yield Buffer.concat(held);
}

/** What the file system answered, as an error for people where it is about this path. */
export function unreadable(path: string, cause: unknown): unknown {
  const reasons = new Map([
    ['ENOENT', 'does not exist'],
    ['ENOTDIR', 'does not exist'],
    ['EISDIR', 'is a folder'],
    ['EACCES', 'may not be read (permission denied)'],
    ['EPERM', 'may not be read (permission denied)'],
  ]);
  const reason = reasons.get((cause as NodeJS.ErrnoException).code ?? '');
  if (reason === undefined) return cause;
  return new FungiError('FILE_NOT_FOUND', `${path} ${reason}`, {
    hint: WHAT_TO_GIVE,
    details: { path },
    cause,
  });
}

/** UTF-16 is told by its byte order mark or, without one, by the zero byte that every ASCII character brings. */
function refuseUtf16(start: Buffer, path: string): void {
  const mark = start.length < 2 ? 0 : start.readUInt16BE(0);
  if (mark !== 0xfffe && mark !== 0xfeff && start[0] !== 0 && start[1] !== 0) return;
  throw new FungiError('INVALID_DATA', `${path}: the file is UTF-16, not UTF-8 (byte offset 0)`, {
    hint: `Convert it: iconv -f UTF-16 -t UTF-8 ${path} > utf8-copy`,
    details: { path, offset: 0, line: 1 },
  });
}

function notUtf8(block: Buffer, path: string, blockOffset: number, blockLine: number): FungiError {
  const at = firstInvalidByte(block);
  const offset = blockOffset + at;
  const line = blockLine + countNewlines(block.toString('latin1', 0, at));
  const byte = block[at]!.toString(16).toUpperCase();
  return new FungiError('INVALID_DATA', `${path}:${line}: not UTF-8: invalid byte 0x${byte} at byte offset ${offset}`, {
    hint: `Convert it, e.g. from Latin-1: iconv -f WINDOWS-1252 -t UTF-8 ${path} > utf8-copy`,
    details: { path, offset, line },
  });
}

/** Index of the first byte that UTF-8 does not allow there: where lossy decoding gives a U+FFFD that the file does not hold. */
function firstInvalidByte(block: Buffer): number {
  const lossy = block.toString('utf8');
  let offset = 0;
  let from = 0;
  for (;;) {
    const at = lossy.indexOf('\ufffd', from);
    offset += Buffer.byteLength(lossy.slice(from, at));
    if (!block.subarray(offset, offset + REPLACEMENT.length).equals(REPLACEMENT)) return offset;
    offset += REPLACEMENT.length;
    from = at + 1;
  }
}
