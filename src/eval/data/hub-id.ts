/** How a data set of a Hugging Face hub is written: `hf:owner/name/config:split`. */
import { FungiError } from '../../core/errors.js';
import { isModelId } from '../../encoders/sources/model-id.js';

export interface HubDataset {
  /** `owner/name`, or one of the old names without an owner. */
  readonly id: string;
  readonly config: string | undefined;
  readonly split: string | undefined;
}

const FORM = /^hf:([\w.-]+(?:\/[\w.-]+)?)(?:\/([\w.-]+))?(?::([\w.-]+))?$/;

/**
 * @returns undefined when `source` does not begin with "hf:"
 * @throws {FungiError} INVALID_ARGUMENT when what follows is no data set
 */
export function parseHubDataset(source: string): HubDataset | undefined {
  if (!source.startsWith('hf:')) return undefined;
  const [, id, config, split] = FORM.exec(source) ?? [];
  // The parts become folders of the cache. Data sets are spelled as models are.
  if (id !== undefined && isModelId(id) && ![config, split].some((part) => part === '.' || part === '..')) {
    return { id, config, split };
  }
  throw new FungiError('INVALID_ARGUMENT', `"${source}" does not name a data set of a hub`, {
    hint: 'Write hf:owner/name:split, or hf:owner/name/config:split.',
  });
}
