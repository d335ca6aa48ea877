/** What a model is imported with. */
import type { Logger } from '../core/log.js';
import type { RuntimeOptions } from '../runtime/session.js';

export const PRECISIONS = ['model', 'int8'] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Processes that may share encodings. */
export const MOST_PROCESSES = 64;

export interface ImportOptions extends RuntimeOptions {
  /** Target layer by the name of its output, node or weight, instead of the last self-attention's output projection. */
  readonly target?: string;
  /** Tensor of the token states; default last_hidden_state, else token_embeddings, else the only output that can be it. */
  readonly output?: string;
  /** What the encoder's products run in: what its file has, or int8 made of that. Tail, loss and gradient are float32. @default 'model' */
  readonly precision?: Precision;
  /**
   * Processes that share the runs of long encodings, each with the weights once more and its part of the threads, as many of them as memory has room for; below two
   * there are none. They are started when runs of encodings of more than one batch have taken two seconds, and end with the encodings. On the CPU alone. @default 0
   */
  readonly processes?: number;
  /** Where findings are kept from one load to the next; absent: nowhere. */
  readonly cacheDir?: string;
  readonly log?: Logger;
}
