/** What an index is built from and opened with. */
import type { ExampleInput } from '../core/item.js';
import type { Logger } from '../core/log.js';
import type { OnProgress } from '../core/progress.js';
import type { Encoder, Pooling } from '../encoders/encoder.js';
import type { SourceOptions } from '../encoders/sources/options.js';
import type { ImportOptions, Precision } from '../engine/import-options.js';
import type { EngineName } from '../engine/tails.js';
import type { FeatureOptions } from '../features/spec.js';
import type { RuntimeOptions } from '../runtime/session.js';
import type { IfExists } from '../store/index-folder.js';
import type { IndexReduction } from './reduction.js';

/** Where computations run and what is told of them. */
export interface SelectorRuntime extends RuntimeOptions, Pick<ImportOptions, 'processes'> {
  /** What computes losses and gradients: graphs of onnxruntime, or TensorFlow.js, slower and without need of derivative rules. @default 'onnx' */
  readonly engine?: EngineName;
  readonly onProgress?: OnProgress;
  readonly log?: Logger;
  /** Model sources: cache folder, hub, offline. @default the environment's, see readConfig */
  readonly sources?: Partial<SourceOptions>;
}

/** The encoder: an id or folder, or one that is loaded already. */
export interface EncoderChoice {
  /** @default 'builtin', the encoder of this package: English texts */
  readonly encoder?: string | Encoder;
  /** ONNX file to take, relative to the model's folder. @default encoder_model.onnx or model.onnx, in onnx/ or beside the tokenizer */
  readonly file?: string;
  /** What the encoder's products run in. `int8` is about twice as fast on a CPU with VNNI; gradients stay float32. @default 'model', what its file has */
  readonly precision?: Precision;
  /** @default what the model's files say, else the first token */
  readonly pooling?: Pooling;
  /** Tensor of the token states. @default last_hidden_state, else token_embeddings, else the only output that can be it */
  readonly output?: string;
  /** Target layer by the name of its output, node or weight. @default the last self-attention's output projection */
  readonly target?: string;
}

export interface BuildOptions extends EncoderChoice, SelectorRuntime {
  /** 1 to 63 of a-z, 0-9, "-" and "_". */
  readonly name: string;
  /** Folder of all indexes. @default './indexes' */
  readonly indexes?: string;
  readonly examples: readonly ExampleInput[];
  /** Losses, projection, seed, mode. @default KL with the paper's settings */
  readonly features?: FeatureOptions;
  /** P, at most. @default 512 */
  readonly dims?: number;
  /** How features are reduced; auto chooses on the examples, lda and blend learn of their labels too; pca is the paper's. @default auto */
  readonly reducer?: IndexReduction;
  /** @default what the reducer's vectors are made for: l2 after a PCA, as in the paper; of a blend nothing but cosine will do */
  readonly metric?: 'l2' | 'cosine';
  /** What becomes of an index that has this name, once the new one is complete; set aside, a rollback brings it back. @default 'replace' */
  readonly ifExists?: IfExists;
}

export interface OpenOptions extends SelectorRuntime {
  readonly name: string;
  readonly indexes?: string;
  /** Where the model lies now, when not where the index was built; it must be the same model. */
  readonly encoder?: string | Encoder;
  /** Its ONNX file there, when of another name. @default as the index was built */
  readonly file?: string;
}

export interface RefitOptions extends OpenOptions {
  /** P, at most. @default as the index was built; 512 where it had too few rows for a PCA */
  readonly dims?: number;
  /** @default as the index was built: auto chooses again, for 120 s */
  readonly reducer?: IndexReduction;
  /**
   * What to do about an index to which nothing was written since its build, by this version and with time for all that `auto` tries, and that is asked for with its own
   * reduction: leave it as it is,
   * and its previous generation too. The manifest of what is returned is the same then. @default 'refit'
   */
  readonly ifUnchanged?: 'refit' | 'leave';
}

/** An index by itself, without its model. */
export interface IndexPlace {
  readonly name: string;
  /** Folder of all indexes. @default './indexes' */
  readonly indexes?: string;
  readonly log?: Logger;
}

/** Comes with the package: nothing is fetched where no encoder is named. It reads texts. */
export const DEFAULT_ENCODER = 'builtin';
export const DEFAULT_INDEXES = './indexes';
export const DEFAULT_DIMS = 512;
