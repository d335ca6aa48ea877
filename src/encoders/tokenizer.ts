/** Text to token ids, by the model's own tokenizer files; ids equal those of Python's transformers. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PreTrainedTokenizer } from '@huggingface/transformers';
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import { fingerprint, sha256 } from '../core/fingerprint.js';
import { withUnicodeSpaces } from './byte-level.js';
import { readJsonFile } from './json-file.js';
import { wordPieceTokenizer } from './wordpiece-vocabulary.js';

/** One text as the model takes it, special tokens included, not padded. */
export interface Encoded {
  readonly ids: readonly number[];
  /** Segment of each token; 0 throughout for BERT. */
  readonly typeIds: readonly number[];
  readonly truncated: boolean;
  /** Tokens before truncation: exact up to 32 characters for each allowed token (at least 16,384), a lower bound beyond. */
  readonly length: number;
}

const configSchema = z.looseObject({
  do_lower_case: z.boolean().optional(),
  strip_accents: z.boolean().nullish(),
  tokenize_chinese_chars: z.boolean().optional(),
  truncation_side: z.string().optional(),
  model_max_length: z.number().nullish(),
});

/** Characters tokenized at first: a multiple of what `maxTokens` tokens span in any language. */
const CHARACTERS_PER_TOKEN = 32;
const FIRST_WINDOW = 16_384;
/** A cut can change the tokens of the word it hits; a WordPiece word longer than 100 characters is one [UNK]. */
const TOKENS_A_CUT_CAN_CHANGE = 128;
/**
 * Unicode normalisation sorts a run of combining marks in quadratic time (100,000 marks: 9 s). Marks past the 1,024th of a run
 * are dropped: uncased models strip all of them, and to WordPiece a word of more than 100 characters is [UNK] either way.
 */
const MARKS = 1024;
const EXCESS_MARKS = new RegExp(`(\\p{M}{${MARKS}})\\p{M}+`, 'gu');

export class TextTokenizer {
  private constructor(
    private readonly tokenizer: PreTrainedTokenizer,
    private readonly frame: Frame,
    /** Ids run from 0 to this minus 1. */
    readonly vocabularySize: number,
    /** sha256 over the files that define the ids. */
    readonly digest: string,
    /** What tokenizer_config.json gives as `model_max_length`. */
    readonly modelMaxLength: number | undefined,
    private readonly folder: string,
  ) {}

  /**
   * Reads tokenizer.json, or else vocab.txt, and tokenizer_config.json of `folder`.
   *
   * The files are read here and not by AutoTokenizer, which asks the hub for those that are missing.
   *
   * @throws {FungiError} TOKENIZER_INVALID
   */
  static async load(folder: string): Promise<TextTokenizer> {
    const config = (await readJsonFile(join(folder, 'tokenizer_config.json'), configSchema, 'TOKENIZER_INVALID')) ?? {};
    const { definition, digest } = await readDefinition(folder, config);
    if (config.truncation_side === 'left') {
      throw new FungiError('TOKENIZER_INVALID', `${folder}: tokenizers that truncate on the left are not supported`);
    }
    const { PreTrainedTokenizer: Tokenizer } = await import('@huggingface/transformers');
    try {
      const tokenizer = new Tokenizer(withUnicodeSpaces(definition), config);
      const highest = [...tokenizer.get_vocab().values()].reduce((max, id) => Math.max(max, id), -1);
      const limit = config.model_max_length ?? undefined;
      return new TextTokenizer(tokenizer, frameOf(tokenizer), highest + 1, digest, limit, folder);
    } catch (cause) {
      throw new FungiError(
        'TOKENIZER_INVALID',
        `${folder}: the tokenizer cannot be built: ${(cause as Error).message}`,
        { cause },
      );
    }
  }

  /**
   * @param options.maxTokens longest result, special tokens included; longer texts lose their end, never the special tokens
   * @throws {FungiError} INVALID_ARGUMENT when `maxTokens` leaves no room for a token of the text
   */
  encode(texts: readonly string[], { maxTokens }: { readonly maxTokens: number }): Encoded[] {
    const { before, after, contentType } = this.frame;
    const room = maxTokens - before.ids.length - after.ids.length;
    if (!(room >= 1)) {
      throw new FungiError(
        'INVALID_ARGUMENT',
        `maxTokens ${maxTokens} leaves no room beside the special tokens of ${this.folder}`,
      );
    }
    return texts.map((text) => {
      const content = this.contentIds(text, room);
      const kept = content.length > room ? content.slice(0, room) : content;
      return {
        ids: [...before.ids, ...kept, ...after.ids],
        typeIds: [...before.typeIds, ...kept.map(() => contentType), ...after.typeIds],
        truncated: content.length > room,
        length: content.length + before.ids.length + after.ids.length,
      };
    });
  }

  /**
   * Ids of the text without special tokens, at least the first `room` of them. Tokenizing is linear but slow (a megabyte takes
   * seconds), so only as much of a long text is read as can matter; the window grows while the text yields too few tokens.
   */
  private contentIds(text: string, room: number): number[] {
    let window = Math.max(FIRST_WINDOW, room * CHARACTERS_PER_TOKEN);
    for (;;) {
      const part = text.length > window ? beginning(text, window) : text;
      const ids = idsOf(this.tokenizer, part.length > MARKS ? part.replace(EXCESS_MARKS, '$1') : part, false).ids;
      if (text.length <= window || ids.length >= room + TOKENS_A_CUT_CAN_CHANGE) return ids;
      window *= 4;
    }
  }
}

/** The special tokens around a text. */
interface Frame {
  readonly before: Sequence;
  readonly after: Sequence;
  readonly contentType: number;
}

interface Sequence {
  readonly ids: number[];
  readonly typeIds: number[];
}

function idsOf(tokenizer: PreTrainedTokenizer, text: string, special: boolean): Sequence {
  const options = { add_special_tokens: special, return_token_type_ids: true, return_tensor: false as const };
  const { input_ids: ids, token_type_ids: typeIds } = tokenizer(text, options);
  return { ids, typeIds: typeIds ?? ids.map(() => 0) };
}

/** Finds the special tokens by encoding a probe with and without them, whatever post-processor the tokenizer has. */
function frameOf(tokenizer: PreTrainedTokenizer): Frame {
  const content = idsOf(tokenizer, 'a', false).ids;
  const whole = idsOf(tokenizer, 'a', true);
  const start = whole.ids.findIndex((_, i) => content.every((id, j) => whole.ids[i + j] === id));
  if (content.length === 0 || start < 0) throw new Error('the letter "a" gives no token');
  const slice = (from: number, to?: number): Sequence => ({
    ids: whole.ids.slice(from, to),
    typeIds: whole.typeIds.slice(from, to),
  });
  return { before: slice(0, start), after: slice(start + content.length), contentType: whole.typeIds[start]! };
}

/** The first `length` UTF-16 units, less one where that would cut a surrogate pair. */
function beginning(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last < 0xdc00 ? length - 1 : length);
}

async function readDefinition(
  folder: string,
  config: z.infer<typeof configSchema>,
): Promise<{ definition: object; digest: string }> {
  const configJson = JSON.stringify(config);
  const path = join(folder, 'tokenizer.json');
  const definition = await readJsonFile(path, z.looseObject({ model: z.looseObject({}) }), 'TOKENIZER_INVALID');
  if (definition !== undefined) {
    return { definition, digest: fingerprint({ config: sha256(configJson), tokenizer: sha256(await readFile(path)) }) };
  }
  const vocabulary = await readFile(join(folder, 'vocab.txt'), 'utf8').catch(() => undefined);
  if (vocabulary === undefined) {
    throw new FungiError('TOKENIZER_INVALID', `${folder}: holds neither tokenizer.json nor vocab.txt`, {
      hint: "Copy the model's tokenizer files beside it; a folder of the hub holds them.",
    });
  }
  try {
    const built = wordPieceTokenizer(vocabulary, config);
    return { definition: built, digest: fingerprint({ config: sha256(configJson), vocabulary: sha256(vocabulary) }) };
  } catch (cause) {
    throw new FungiError('TOKENIZER_INVALID', `${folder}: ${(cause as Error).message}`, { cause });
  }
}
