/** What a model is imported with. */
import type { Logger } from '../core/log.js';
import type { RuntimeOptions } from '../runtime/session.js';

export interface ImportOptions extends RuntimeOptions {
  /** Target layer by the name of its output, node or weight, instead of the last self-attention's output projection. */
  readonly target?: string;
  /** Tensor of the token states; default last_hidden_state, else token_embeddings, else the only output that can be it. */
  readonly output?: string;
  /** Where findings are kept from one load to the next; absent: nowhere. */
  readonly cacheDir?: string;
  readonly log?: Logger;
}
