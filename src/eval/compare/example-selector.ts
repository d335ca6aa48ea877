/** What is compared: anything that chooses k examples of a pool for each query. */
import type { OnProgress } from '../../core/progress.js';
import type { TruncatedRows } from '../classify/classify.js';
import type { Reduced } from '../features/nearest.js';
import type { LabelledItem } from '../data/labelled.js';

export interface SelectionTask {
  /** Examples to choose from. */
  readonly pool: readonly LabelledItem[];
  readonly queries: readonly string[];
  readonly k: number;
  readonly seed: number;
  /** Examples of each label that the pool was cut down to; null for a whole one. */
  readonly shots: number | null;
  readonly onProgress?: OnProgress | undefined;
}

export interface ExampleSelector {
  readonly name: string;
  /** Whether the choice from the same pool may differ between seeds. */
  readonly seeded: boolean;
  /**
   * Rows of the pool for each query, the most fitting first; at most k, without repetition.
   *
   * @throws {FungiError} as the selector says
   */
  select(task: SelectionTask): Promise<readonly (readonly number[])[]>;
  /** What it compares pool and queries by, where that is features. @throws {FungiError} as `select` */
  reduced?(task: SelectionTask): Promise<Reduced>;
  /** Once it has chosen: rows of the pool (`train`) and queries (`test`) whose ends it did not see, too long for its encoder. */
  truncated?(): Promise<TruncatedRows>;
  close?(): Promise<void>;
}
