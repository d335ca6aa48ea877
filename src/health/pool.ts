/** A pool of labelled examples with their vectors, as its health is judged by. Axes: n rows of P dimensions, C labels. */
import type { Example, Item, Modality } from '../core/item.js';
import type { Metric } from '../retrieve/distance.js';

export interface Pool {
  /** [n] */
  readonly examples: readonly Example[];
  /** [n,P] */
  readonly vectors: Float32Array;
  /** P */
  readonly dims: number;
  readonly metric: Metric;
  readonly modality: Modality;
}

/** An example as findings name it. */
export interface NamedExample {
  readonly id: string;
  readonly label: string;
  readonly input: Item;
}

export const named = ({ id, label, input }: Example): NamedExample => ({ id, label, input });

/** Labels by number. */
export interface RowLabels {
  /** In order of first appearance [C]. */
  readonly names: readonly string[];
  /** Number of each row's label [n]. */
  readonly of: Int32Array;
}

export function rowLabels(labels: readonly string[]): RowLabels {
  const numbers = new Map<string, number>();
  const of = Int32Array.from(labels, (label) => {
    const number = numbers.get(label) ?? numbers.size;
    numbers.set(label, number);
    return number;
  });
  return { names: [...numbers.keys()], of };
}
