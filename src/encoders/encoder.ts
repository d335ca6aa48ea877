/**
 * What the gradient engine needs of an encoder: a model file, how an item becomes its inputs, and how token states become one
 * vector. A modality brings an implementation; the engine knows none.
 */
import type { Item } from '../core/item.js';
import type { Feeds } from '../runtime/session.js';

/** One item, ready for the model. */
export interface Prepared {
  /** A, the tokens that the model sees of it. */
  readonly tokens: number;
  /** Whether part of the item did not fit the model. */
  readonly truncated: boolean;
}

/** How token states [A,D] become f(x) [D]. */
export type Pooling = 'first' | 'mean';

export interface Encoder<P extends Prepared = Prepared> {
  readonly id: string;
  readonly modelPath: string;
  /** sha256 of all that makes the numbers: the model file's, or one over its and those of the files its weights lie in. */
  readonly modelSha256: string;
  /** The same model unquantised, where `modelPath` is quantised and this lies beside it. */
  readonly unquantised?: { readonly modelPath: string; readonly modelSha256: string };
  /** Token ids run from 0 to this minus 1; absent where an item is not made of ids. */
  readonly vocabulary?: number;
  /** sha256 of what turns an item into model inputs: tokenizer or preprocessor. */
  readonly preprocessorSha256: string;
  readonly pooling: Pooling;
  /** Longest input in tokens. */
  readonly maxTokens: number;
  prepare(items: readonly Item[]): P[];
  /** Pads a batch to its longest item and builds the model's inputs [B,T], for those that the model has. */
  collate(batch: readonly P[], inputNames: readonly string[]): Feeds;
  /** A handful of ordinary items, to see how large the model's tensors get; without them it cannot be quantised. */
  calibration?(): readonly P[];
  /** Two small items of different length, to try a graph on. */
  probe(): readonly [P, P];
}
