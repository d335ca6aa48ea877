/** A BERT tokenizer described by `vocab.txt` alone, as checkpoints before tokenizer.json came. */

/** Settings of BertTokenizer that a tokenizer_config.json may hold. */
export interface WordPieceSettings {
  readonly do_lower_case?: boolean | undefined;
  readonly strip_accents?: boolean | null | undefined;
  readonly tokenize_chinese_chars?: boolean | undefined;
}

/**
 * The tokenizer.json that transformers' BertTokenizerFast makes from the same vocabulary.
 *
 * @param vocabulary one token a line, the line number is the id
 */
export function wordPieceTokenizer(vocabulary: string, settings: WordPieceSettings): object {
  const tokens = vocabulary.replace(/\r?\n$/, '').split(/\r?\n/);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const special = (token: string) => {
    const id = ids.get(token);
    if (id === undefined) throw new Error(`vocab.txt has no ${token}`);
    return { id, content: token, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  };
  const [cls, sep] = ['[CLS]', '[SEP]'];
  const optional = ['[PAD]', '[MASK]'].filter((token) => ids.has(token));
  return {
    version: '1.0',
    added_tokens: ['[UNK]', cls, sep, ...optional].map(special),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: settings.tokenize_chinese_chars ?? true,
      strip_accents: settings.strip_accents ?? null,
      lowercase: settings.do_lower_case ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: cls, type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: sep, type_id: 0 } },
      ],
      pair: [],
      special_tokens: Object.fromEntries(
        [cls, sep].map((token) => [token, { id: token, ids: [special(token).id], tokens: [token] }]),
      ),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(ids),
    },
  };
}
