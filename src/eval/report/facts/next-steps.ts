/** What a reader can do next, in the order of what it is worth. */
import type { Candidate } from '../../compare/verdict.js';
import { parseFeatureSet } from '../../features/feature-sets.js';
import { NONE } from '../../icl/icl-selectors.js';
import { counted, percent, points, shorten, whole } from '../page/words.js';
import type { Advice } from './advice.js';
import type { Confusions } from './confusions.js';
import type { DataNotes } from './data-notes.js';
import type { LlmFigures } from './llm.js';

export interface NextStepsInput {
  /** Its id; null where no selector is by features. */
  readonly encoder: string | null;
  readonly advice: Advice;
  readonly baseline: string;
  readonly figures: readonly Pick<Candidate, 'selector' | 'gain'>[];
  readonly confusions: Confusions;
  readonly data: DataNotes;
  /** Null where no LLM was asked. */
  readonly llm: LlmFigures | null;
}

export interface NextStep {
  readonly text: string;
  /** What to type; null where nothing is typed. */
  readonly command: string | null;
}

export function nextSteps(input: NextStepsInput): NextStep[] {
  const { advised } = input.advice;
  return [
    ...(advised === null ? [] : [useIt(advised, input.encoder)]),
    ...askAgain(input.llm),
    ...moreQueries(input),
    ...wordIt(input.llm, advised),
    ...lookAt(input.confusions),
    ...mend(input.data),
  ];
}

function useIt(selector: string, encoder: string | null): NextStep {
  if (selector === NONE) return saying('Send the prompt without examples: they do not help this LLM here.');
  try {
    const { losses, embedding } = parseFeatureSet(selector);
    const list = losses.length === 0 ? 'none' : losses.join(',');
    if (embedding) {
      const model =
        encoder === null
          ? ''
          : ` --encoder ${/^[\w./@:-]+$/.test(encoder) ? encoder : `'${encoder.replaceAll("'", `'\\''`)}'`}`;
      return {
        text: 'Index your examples with it:',
        command: `fungi index NAME --data TRAIN${model} --losses ${list}`,
      };
    }
  } catch {
    // Not a feature set: no index is made of it.
  }
  return saying(
    `${shorten(selector, 60)} has no index of its own in this package: your program makes the same choice itself.`,
  );
}

const saying = (text: string): NextStep => ({ text, command: null });

/** What is still missing can be had by the same command. */
function askAgain(llm: LlmFigures | null): NextStep[] {
  if (llm === null) return [];
  const failed = llm.summary.reduce((sum, each) => sum + each.failed, 0);
  const missing = [
    ...(llm.unasked > 0 ? [`${counted(llm.unasked, 'query was', 'queries were')} left unasked`] : []),
    ...(failed > 0 ? [`${counted(failed, 'prompt', 'prompts')} got no reply`] : []),
  ];
  return missing.length === 0
    ? []
    : [saying(`Run the same command again: ${missing.join(', and ')}. Replies that came are kept, and are not paid for twice.`)]; // prettier-ignore
}

/** Replies that are no label are wrong for a reason that other examples seldom mend. */
function wordIt(llm: LlmFigures | null, advised: string | null): NextStep[] {
  const own = llm?.summary.find(({ selector }) => selector === advised);
  if (own === undefined || own.offList < MANY_OFF_LIST * own.replies) return [];
  const cut = own.cutOff > own.offList / 2;
  return [
    saying(
      `${counted(own.offList, 'reply', 'replies')} of ${whole(own.replies)} with ${shorten(own.selector, 60)} ${own.offList === 1 ? 'is' : 'are'} no label of the list, and wrong. ` +
        (cut
          ? 'Most were cut off: give a reply more room (--max-tokens), or ask for the label alone.'
          : 'Look at them below: a template that says more firmly what a reply may be, or labels that read like words, may help.'),
    ),
  ];
}

/** Of the replies. */
const MANY_OFF_LIST = 0.02;

/** How small a gain these queries could have shown. */
function moreQueries({ advice, figures, baseline }: NextStepsInput): NextStep[] {
  const gain = figures.find(({ selector }) => selector === advice.focus)?.gain;
  if (gain === undefined || advice.significant) return [];
  return [
    saying(
      `The difference of ${shorten(advice.focus!, 60)} from ${shorten(baseline, 60)}, ${points(gain.difference)} points, is known only to within about ` +
        `${percent((gain.high - gain.low) / 2)} points either way. Four times as many queries would halve that.`,
    ),
  ];
}

function lookAt({ pairs, selectors }: Confusions): NextStep[] {
  const [first] = pairs;
  const count = Math.max(0, ...(first?.counts ?? []));
  if (first === undefined || first.predicted === '' || count < 2) return [];
  const [truth, predicted] = [first.truth, first.predicted].map((label) => shorten(label, 60)) as [string, string];
  const selector = shorten(selectors[first.counts.indexOf(count)]!, 60);
  return [
    saying(
      `Look at “${truth}” and “${predicted}”: where the first is right, ${count} of ${counted(first.of, 'answer')} of ${selector} were the second, ` +
        'the commonest mistake. See whether the two mean different things, and whether the pool shows the difference.',
    ),
  ];
}

function mend({ counts }: DataNotes): NextStep[] {
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
          `${counted(counts.testInTrainNormalised, 'query is in the pool, and flatters', 'queries are in the pool, and flatter')} every selector by text`,
        ]
      : []),
  ];
  return found.length === 0 ? [] : [saying(`Mend the data and run this again: ${found.join('; ')}.`)];
}
