/**
 * Byte-level BPE (GPT-2, RoBERTa, ModernBERT) splits texts by an expression with \s in it, and JavaScript's \s is not Unicode's
 * White_Space, which Python's tokenizers go by: it takes a byte order mark for a space and a next-line character (U+0085) for none.
 */

/** GPT-2's, with the spaces written out. */
const PATTERN = [
  ...["'s", "'t", "'re", "'ve", "'m", "'ll", "'d"],
  ...[' ?\\p{L}+', ' ?\\p{N}+', ' ?[^\\p{White_Space}\\p{L}\\p{N}]+'],
  ...['\\p{White_Space}+(?!\\P{White_Space})', '\\p{White_Space}+'],
].join('|');

/** The definition of a tokenizer with the splitting of its ByteLevel pre-tokenizers taken out of them and written with Unicode's spaces. */
export function withUnicodeSpaces(definition: object): object {
  const { pre_tokenizer: part } = definition as { pre_tokenizer?: unknown };
  return part === undefined ? definition : { ...definition, pre_tokenizer: split(part) };
}

interface PreTokenizer {
  readonly type?: string;
  readonly use_regex?: boolean;
  readonly pretokenizers?: readonly unknown[];
}

function split(part: unknown): unknown {
  if (typeof part !== 'object' || part === null) return part;
  const { type, use_regex: splits = true, pretokenizers = [] } = part as PreTokenizer;
  if (type === 'Sequence') return { ...part, pretokenizers: pretokenizers.map(split) };
  if (type !== 'ByteLevel' || !splits) return part;
  const { add_prefix_space: prefix = true } = part as { add_prefix_space?: boolean };
  // A prefix space comes before the splitting: only a ByteLevel that does both can add it.
  if (prefix) return part;
  const words = { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false };
  return { type: 'Sequence', pretokenizers: [words, { ...part, use_regex: false }] };
}
