/** What training and test rows have to have in common for an evaluation to mean something. */
import { FungiError } from '../../core/errors.js';
import { groupRows } from '../../core/group-rows.js';
import type { LabelledItem } from './labelled.js';

export interface LabelSets {
  /** Labels of test rows that no training row has, sorted, and how many rows carry them: these cannot be right. */
  readonly unknown: readonly string[];
  readonly unknownRows: number;
  /** Labels of training rows that no test row has, sorted: nothing is measured of them. */
  readonly untested: readonly string[];
}

/** Labels that one side has and the other lacks. */
export function compareLabels(train: readonly LabelledItem[], test: readonly LabelledItem[]): LabelSets {
  const [trained, tested] = [train, test].map((rows) => groupRows(rows.map(({ label }) => label))) as [
    Map<string, number[]>,
    Map<string, number[]>,
  ];
  const unknown = [...tested.keys()].filter((label) => !trained.has(label)).sort();
  return {
    unknown,
    unknownRows: unknown.reduce((rows, label) => rows + tested.get(label)!.length, 0),
    untested: [...trained.keys()].filter((label) => !tested.has(label)).sort(),
  };
}

/**
 * Refuses test rows none of which can be classified right.
 *
 * @param names of the two in the error, e.g. the files
 * @throws {FungiError} INVALID_DATA when no test label is a training label
 */
export function assertSharedLabels(
  train: readonly LabelledItem[],
  test: readonly LabelledItem[],
  names: { readonly train: string; readonly test: string },
): void {
  const { unknown, unknownRows, untested } = compareLabels(train, test);
  if (test.length === 0 || unknownRows < test.length) return;
  throw new FungiError(
    'INVALID_DATA',
    `${names.test}: none of its labels is one of ${names.train}: ${someLabels(unknown)} there, ${someLabels(untested)} here`,
    {
      hint: numbersOnOneSide(unknown, untested)
        ? 'One side has numbers where the other has names: write both alike.'
        : 'Check that --label-key names the same thing in both, and that both write labels alike (case, spaces, language).',
      details: { unknown: unknown.slice(0, MOST_LABELS), known: untested.slice(0, MOST_LABELS) },
    },
  );
}

/** Undefined when every test label is a training label. */
export function unknownLabelWarning(train: readonly LabelledItem[], test: readonly LabelledItem[]): string | undefined {
  const { unknown, unknownRows } = compareLabels(train, test);
  if (unknown.length === 0) return undefined;
  const labels = unknown.length === 1 ? 'the label' : `any of ${unknown.length} labels:`;
  return `${unknownRows} of ${test.length} test rows cannot be right, since no training row has ${labels} ${someLabels(unknown)}`;
}

/** Undefined when every training label is a test label. */
export function untestedLabelWarning(
  train: readonly LabelledItem[],
  test: readonly LabelledItem[],
): string | undefined {
  const { untested } = compareLabels(train, test);
  if (untested.length === 0) return undefined;
  const labels = untested.length === 1 ? 'this label' : `these ${untested.length} labels`;
  return `nothing is measured of ${labels}, which no test row has: ${someLabels(untested)}`;
}

/** Undefined when at least `k` rows can vote. */
export const smallPoolWarning = (rows: number, k: number): string | undefined =>
  rows >= k
    ? undefined
    : `k is ${k}, and ${rows === 1 ? '1 row' : `${rows} rows`} can vote: all of them do, for every test row alike`;

const MOST_LABELS = 5;

/** Up to five of them. */
function someLabels(labels: readonly string[]): string {
  const shown = labels.slice(0, MOST_LABELS).map((label) => JSON.stringify(label));
  return shown.join(', ') + (labels.length > MOST_LABELS ? ', …' : '');
}

function numbersOnOneSide(a: readonly string[], b: readonly string[]): boolean {
  const numbers = (labels: readonly string[]): boolean => labels.every((label) => /^-?\d+$/.test(label));
  return numbers(a) !== numbers(b);
}
