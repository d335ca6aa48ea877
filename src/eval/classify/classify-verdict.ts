/** Which feature set is ahead, in words: from accuracies and corrected gains over the first. */
import { LEVEL, percent, pText, signed } from '../compare/verdict.js';
import type { SetSummary } from './report.js';

/**
 * A sentence for each kind of pool.
 *
 * @param summaries of each kind of pool the first feature set, then those held against it
 * @param testRows how many there are
 */
export function classifyVerdict(summaries: readonly SetSummary[], testRows: number): string[] {
  const kinds = [...new Set(summaries.map(({ shots }) => shots))];
  const comparisons = summaries.filter(({ gain }) => gain !== undefined).length;
  return kinds.map((kind) => {
    const sentence = sentenceOf(
      summaries.filter(({ shots }) => shots === kind),
      { testRows, comparisons },
    );
    return kinds.length === 1 ? sentence : `${poolName(kind)}: ${sentence}`;
  });
}

const poolName = (shots: number | null): string =>
  shots === null ? 'With all training rows' : `With ${shots} ${shots === 1 ? 'shot' : 'shots'}`;

interface Setting {
  readonly testRows: number;
  /** That p is corrected for. */
  readonly comparisons: number;
}

function sentenceOf(sets: readonly SetSummary[], { testRows, comparisons }: Setting): string {
  const [first, ...others] = sets as [SetSummary, ...SetSummary[]];
  const where = `on ${testRows === 1 ? 'this 1 test row' : `these ${testRows} test rows`}`;
  if (others.length === 0) {
    return `Only ${first.features} was measured: ${where} it is right ${percent(first.accuracy)} % of the time.`;
  }
  const corrected = comparisons === 1 ? '' : ` after correction for ${comparisons} comparisons`;
  const ranked = [...others].sort((a, b) => b.accuracy - a.accuracy) as Compared[];
  const [highest] = ranked as [Compared];
  // One that is higher still, but not significantly, does not make it undecided.
  const best = ranked.find((each) => isSignificant(each) && each.gain.difference > 0) ?? highest;
  const { difference } = best.gain;
  if (difference === 0) {
    return `Undecided: ${where} ${best.features} is right as often as ${first.features}, ${percent(first.accuracy)} % of the time${restOf(first, others, best)}.`;
  }
  const [ahead, behind] = difference > 0 ? [best, first] : [first, best];
  const margin = `${percent(Math.abs(difference))} points of accuracy`;
  const test = `(${intervalText(best, difference > 0)}, ${pText(best.gain.adjusted)}${corrected})`;
  const lead = `${where} ${ahead.features} is ahead of ${behind.features}${others.length > 1 && difference < 0 ? ', the best of the others,' : ''} by ${margin}`;
  const higher =
    best === highest
      ? ''
      : `; ${highest.features} is at ${percent(highest.accuracy)} %, which is not significantly more than ${first.features}`;
  return isSignificant(best)
    ? `${capital(lead)}, which is significant at 5 % ${test}${higher}${restOf(first, others, best)}.`
    : `Undecided: ${lead}, which is not significant at 5 % ${test}${restOf(first, others, best)}.`;
}

/** Of the lead: the one behind gains the negative. */
function intervalText({ gain: { low, high } }: Compared, own: boolean): string {
  const [from, to] = own ? [low, high] : [0 - high, 0 - low];
  return `95 % interval ${signed(from)} to ${signed(to)}`;
}

/** What the best of the others may hide: those that differ significantly from the first too. They were not held against the best. */
function restOf(first: SetSummary, others: readonly SetSummary[], best: SetSummary): string {
  const significant = others.filter((each) => each !== best && isSignificant(each));
  const named = (sign: number): string =>
    significant
      .filter(({ gain }) => Math.sign(gain!.difference) === sign)
      .map(({ features }) => features)
      .join(', ');
  const [better, worse] = [named(1), named(-1)];
  return (
    (better === ''
      ? ''
      : `; significantly ahead of ${first.features}: ${better}, not tested against ${best.features}`) +
    (worse === '' ? '' : `; significantly behind ${first.features}: ${worse}`)
  );
}

type Compared = SetSummary & Required<Pick<SetSummary, 'gain'>>;

const isSignificant = ({ gain }: SetSummary): boolean => gain !== undefined && gain.adjusted < LEVEL;
const capital = (text: string): string => `${text[0]!.toUpperCase()}${text.slice(1)}`;
