import { findDuplicates, findLabelConflicts, findOverlap } from '../../core/duplicates.js';
import type { LabelledItem } from './labelled.js';
import { sameBy } from './media.js';
import { distinctLabels } from './read-examples.js';

/** What the data are like: an evaluation keeps every row, so its reader has to know. */
export interface DataCounts {
  readonly train: number;
  readonly test: number;
  readonly labels: number;
  /** Rows whose text an earlier row of the same set has, to the letter. */
  readonly repeatedTrain: number;
  readonly repeatedTest: number;
  /** Test rows whose text is also in the training set: to the letter, and but for case and spaces (files to the letter, too). */
  readonly testInTrain: number;
  readonly testInTrainNormalised: number;
  /** Training texts with several labels. */
  readonly conflicts: number;
  /** Test rows whose label no training row has: they cannot be right. */
  readonly unknownLabel: number;
}

export function countData(train: readonly LabelledItem[], test: readonly LabelledItem[]): DataCounts {
  const [trainTexts, testTexts] = [train, test].map((rows) => rows.map(({ input }) => input)) as [string[], string[]];
  const repeated = (texts: readonly string[]): number =>
    findDuplicates(texts, 'exact').reduce((sum, { rows }) => sum + rows.length - 1, 0);
  const labels = new Set(distinctLabels(train));
  return {
    train: train.length,
    test: test.length,
    labels: labels.size,
    repeatedTrain: repeated(trainTexts),
    repeatedTest: repeated(testTexts),
    testInTrain: findOverlap(trainTexts, testTexts, 'exact').length,
    testInTrainNormalised: findOverlap(trainTexts.map(sameBy), testTexts.map(sameBy), 'exact').length,
    conflicts: findLabelConflicts(train, 'exact').length,
    unknownLabel: test.filter(({ label }) => !labels.has(label)).length,
  };
}
