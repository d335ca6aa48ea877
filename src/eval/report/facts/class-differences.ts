/** Which labels gain and which lose. */
import { mean } from 'simple-statistics';
import { groupRows } from '../../../core/group-rows.js';
import type { LabelledItem } from '../../data/labelled.js';
import type { JudgedRun } from './judged.js';

export interface ClassDifferences {
  readonly selector: string;
  readonly baseline: string;
  /** Labels that queries have, the largest gain first. */
  readonly classes: readonly ClassDifference[];
}

export interface ClassDifference {
  readonly label: string;
  /** Queries with that label. */
  readonly queries: number;
  /** Accuracy on them, mean over seeds, as a fraction. */
  readonly selectorAccuracy: number;
  readonly baselineAccuracy: number;
  /** The first less the second. */
  readonly difference: number;
}

export function classDifferences(
  runs: readonly JudgedRun[],
  queries: readonly LabelledItem[],
  { selector, baseline }: { readonly selector: string; readonly baseline: string },
): ClassDifferences {
  const rowsOf = groupRows(queries.map(({ label }) => label));
  const accuracy = (name: string, rows: readonly number[]): number =>
    mean(runs.filter((run) => run.selector === name).flatMap(({ correct }) => rows.map((row) => Number(correct[row]))));
  const classes = [...rowsOf].map(([label, rows]): ClassDifference => {
    const [selectorAccuracy, baselineAccuracy] = [accuracy(selector, rows), accuracy(baseline, rows)];
    return {
      label,
      queries: rows.length,
      ...{ selectorAccuracy, baselineAccuracy, difference: selectorAccuracy - baselineAccuracy },
    };
  });
  const byName = (a: ClassDifference, b: ClassDifference): number => (a.label < b.label ? -1 : 1);
  return { selector, baseline, classes: classes.sort((a, b) => b.difference - a.difference || byName(a, b)) };
}
