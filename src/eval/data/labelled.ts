import type { Example } from '../../core/item.js';

/** What an evaluation reads of an example. */
export interface LabelledItem extends Pick<Example, 'input' | 'label'>, Partial<Pick<Example, 'metadata'>> {
  /** Where it was read: "file:line" as a `Row` has it. It stays with the item when a part is drawn or rows are split. */
  readonly where?: string;
}
