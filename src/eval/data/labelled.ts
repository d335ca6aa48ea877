import type { Example } from '../../core/item.js';

/** What an evaluation reads of an example. */
export type LabelledItem = Pick<Example, 'input' | 'label'>;
