/** What a reader can do next, in the order of what it is worth. */
import type { SelectorSummary } from '../../compare/compare-report.js';
import { parseFeatureSet } from '../../features/feature-sets.js';
import { counted, labelText, percent, points, shorten } from '../page/words.js';
import type { Advice } from './advice.js';
import type { Confusions } from './confusions.js';
import type { DataNotes } from './data-notes.js';

export interface NextStepsInput {
  readonly advice: Advice;
  readonly baseline: string;
  readonly figures: readonly SelectorSummary[];
  readonly confusions: Confusions;
  readonly data: DataNotes;
}

/** Sentences. */
export function nextSteps(input: NextStepsInput): string[] {
  return [useIt(input.advice.advised), ...moreQueries(input), ...lookAt(input.confusions), ...mend(input.data)];
}

function useIt(selector: string): string {
  try {
    const { losses, embedding } = parseFeatureSet(selector);
    const list = losses.length === 0 ? 'none' : losses.join(',');
    if (embedding)
      return `Make an index with it: fungi index NAME --data TRAIN --losses ${list}, and ask it with fungi retrieve.`;
  } catch {
    // Not a feature set: no index is made of it.
  }
  return `${selector} needs no index of features: your own program can choose its examples.`;
}

/** How small a gain these queries could have shown. */
function moreQueries({ advice, figures, baseline }: NextStepsInput): string[] {
  const gain = figures.find(({ selector }) => selector === advice.focus)?.gain;
  if (gain === undefined || advice.significant) return [];
  return [
    `${advice.focus!} differs from ${baseline} by ${points(gain.difference)} points, and these queries fix that only to within about ` +
      `${percent((gain.high - gain.low) / 2)} points either way: a smaller difference needs more queries to be seen.`,
  ];
}

function lookAt({ pairs, answers }: Confusions): string[] {
  const [first] = pairs;
  const count = Math.max(0, ...(first?.counts ?? []));
  if (first === undefined || first.predicted === '' || count < 2) return [];
  const [truth, predicted] = [first.truth, first.predicted].map((label) => shorten(labelText(label), 60)) as [
    string,
    string,
  ];
  return [
    `Look at “${truth}” and “${predicted}”: ${count} of ${counted(first.of, 'answer')} to the first were the second, the commonest ` +
      `mistake in ${counted(answers, 'answer')}. See whether the two mean different things, and whether the pool shows the difference.`,
  ];
}

function mend({ counts }: DataNotes): string[] {
  const found = [
    ...(counts.conflicts > 0
      ? [`${counted(counts.conflicts, 'pool text has', 'pool texts have')} several labels`]
      : []),
    ...(counts.unknownLabel > 0
      ? [
          `${counted(counts.unknownLabel, 'query has a label', 'queries have labels')} that the pool lacks, and cannot be right`,
        ]
      : []),
    ...(counts.testInTrainNormalised > 0
      ? [
          `${counted(counts.testInTrainNormalised, 'query is', 'queries are')} in the pool, and flatter every selector by text`,
        ]
      : []),
  ];
  return found.length === 0 ? [] : [`Mend the data and run this again: ${found.join('; ')}.`];
}
