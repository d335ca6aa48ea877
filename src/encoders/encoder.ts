/**
 * What the gradient engine needs of an encoder: a model file, how an item becomes its inputs, and how token states become one
 * vector. A modality brings an implementation; the engine knows none.
 */
import type { Content, View } from '../core/content.js';
import type { Item, Modality } from '../core/item.js';
import type { Feeds } from '../runtime/session.js';

/** One item, ready for the model. */
export interface Prepared {
  /** A, tokens of it that pooling reads: all that the model sees of a text. Where it is the same of all items, the model knows better. */
  readonly tokens: number;
  /** T, tokens that the model computes of it, where it pads to a fixed length by itself. @default `tokens` */
  readonly computed?: number;
  /** Whether part of the item did not fit the model. */
  readonly truncated: boolean;
}

/**
 * How token states [A,D] become f(x) [D]: token 0, the mean of all, or the mean of some: from the first number up to before the second,
 * or to the last. AST's is `mean:0:2`, its two class tokens; `mean:2:` are the patches behind them, `mean:1:` a ViT's.
 */
export type Pooling = 'first' | 'mean' | `mean:${number}:${number | ''}`;

/** As `--pooling` takes them. */
export const POOLING_FORMS = 'first, mean, or the mean of some tokens: mean:FROM:TO, mean:FROM:';

/** Whether a text names a pooling. */
export const isPooling = (text: string): text is Pooling =>
  text === 'first' || text === 'mean' || /^mean:\d+:\d*$/.test(text);

export type PoolingSource = 'option' | 'modules.json' | 'default';

export interface Encoder<P extends Prepared = Prepared> {
  readonly id: string;
  readonly modality: Modality;
  readonly modelPath: string;
  /** sha256 of all that makes the numbers: the model file's, or one over its and those of the files its weights lie in. */
  readonly modelSha256: string;
  /** The same model unquantised, where `modelPath` is quantised and this lies beside it. */
  readonly unquantised?: { readonly modelPath: string; readonly modelSha256: string };
  /** Token ids run from 0 to this minus 1; absent where an item is not made of ids. */
  readonly vocabulary?: number;
  /** sha256 of what turns an item into model inputs: tokenizer or preprocessor. */
  readonly preprocessorSha256: string;
  /** Of images: width and height of the model's input, in pixels. */
  readonly frame?: { readonly width: number; readonly height: number };
  readonly pooling: Pooling;
  /** Who says so: the caller, a file of the model, or nobody. */
  readonly poolingSource?: PoolingSource;
  /** Longest input in tokens. */
  readonly maxTokens: number;
  /** Whether each item takes a run of its own: padding to a longer one's length would change its numbers. @default false */
  readonly alone?: boolean;
  /**
   * A key of each item, equal for those whose features are: the text itself, of media the sha256 of the bytes. To be asked before a
   * long run, since it names all that are missing at once.
   *
   * @throws {FungiError} FILE_NOT_FOUND, INVALID_MEDIA
   */
  identify(items: readonly Item[]): Promise<readonly string[]>;
  /**
   * What the items are: texts themselves, or media read from where they lie.
   *
   * @throws {FungiError} INVALID_TEXT; FILE_NOT_FOUND, INVALID_MEDIA
   */
  open(items: readonly Item[]): Promise<readonly Content[]>;
  /** What a run needs to know of views beforehand; media are not decoded here. */
  prepare(views: readonly View[]): P[];
  /** Pads a batch to its longest item and builds the model's inputs [B,T,…], for those that the model has. */
  collate(batch: readonly P[], inputNames: readonly string[]): Feeds | Promise<Feeds>;
  /** A handful of ordinary items, to see how large the model's tensors get; without them it cannot be quantised. */
  calibration?(): readonly P[];
  /**
   * Two small items, to try a graph on: of different length, where lengths differ at all. They begin alike, so that their first tokens
   * differ only in what these see of the rest.
   */
  probe(): readonly [P, P];
}
