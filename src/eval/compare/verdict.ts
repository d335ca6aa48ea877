/** Which selector to use, in words: from accuracies and corrected gains, whoever made the predictions. */
import type { Gain } from './scores.js';

/** What a verdict reads of a selector. */
export interface Candidate {
  readonly selector: string;
  readonly accuracy: number;
  /** Absent for the baseline. */
  readonly gain?: Gain;
}

/** What the words depend on beside the figures. */
export interface Wording {
  /** "on these 200 queries" */
  readonly where: string;
  /** "the vote of its 20 examples is right 1.5 points more often than that of embedding" */
  readonly rightMoreOften: (selector: string, points: string, baseline: string) => string;
  /** How a selector is called in a list. @default its name */
  readonly nameOf?: (selector: string) => string;
}

export interface Recommendation<C extends Candidate> {
  readonly advised: C;
  readonly sentences: readonly string[];
}

/** Differences that chance brings about less often than this, after correction, are called significant. */
export const LEVEL = 0.05;

/** @param candidates the baseline, and at least one that is held against it */
export function recommendation<C extends Candidate>(
  candidates: readonly C[],
  baseline: string,
  wording: Wording,
): Recommendation<C> {
  const base = candidates.find(({ selector }) => selector === baseline)!;
  const corrected = candidates.length === 2 ? '' : ` after correction for ${candidates.length - 1} comparisons`;
  const better = candidates.filter((each) => isSignificant(each) && each.gain!.difference > 0).sort(byAccuracy);
  const { nameOf = (selector: string) => selector } = wording;
  const list = (each: readonly Candidate[]): string => each.map(({ selector }) => nameOf(selector)).join(', ');
  const worse = candidates.filter((each) => isSignificant(each) && each.gain!.difference < 0);
  const [champion] = better;
  const advised = champion ?? base;
  return {
    advised,
    sentences: [
      champion === undefined
        ? staySentence(candidates, base, wording, corrected, worse.length === 0)
        : useSentence(champion, baseline, wording, corrected),
      // Two that both beat the baseline were not held against each other.
      ...(better.length > 1
        ? [
            `Significantly better than ${baseline} too: ${list(better.slice(1))}, not tested against ${advised.selector}.`,
          ]
        : []),
      ...candidates
        .filter(({ accuracy, gain }) => champion !== undefined && gain !== undefined && accuracy > champion.accuracy)
        .map(({ selector }) => `${selector} is ahead of it, but its difference from ${baseline} is not significant.`),
      ...(worse.length > 0 ? [`Significantly worse than ${baseline} here: ${list(worse)}.`] : []),
    ],
  };
}

function useSentence({ selector, gain }: Candidate, baseline: string, wording: Wording, corrected: string): string {
  const { difference, low, high, adjusted } = gain!;
  return (
    `Use ${selector}: ${wording.where} ${wording.rightMoreOften(selector, percent(difference), baseline)} ` +
    `(95 % interval ${signed(low)} to ${signed(high)}), which is significant at 5 %${corrected} (${pText(adjusted)}).`
  );
}

function staySentence(
  candidates: readonly Candidate[],
  base: Candidate,
  { where }: Wording,
  corrected: string,
  noneDiffers: boolean,
): string {
  const best = [...candidates].sort(byAccuracy)[0]!;
  const place =
    best.accuracy > base.accuracy
      ? `${best.selector} is ahead of it by ${percent(best.gain!.difference)} points (95 % interval ${signed(best.gain!.low)} to ${signed(best.gain!.high)}, ${pText(best.gain!.adjusted)})`
      : 'no other is right more often';
  const finding = noneDiffers
    ? `no difference from it is significant at 5 %${corrected}`
    : `none is better by a difference that is significant at 5 %${corrected}`;
  return `Stay with ${base.selector}: ${where} ${place}, and ${finding}.`;
}

/** How many queries are in the pool, and what the selectors shown are worth without them. */
export function leakSentence(
  queries: number,
  leaked: number,
  shown: readonly { readonly selector: string; readonly accuracyUnleaked: number | null }[],
): string {
  if (leaked === 0) return 'None of the queries is in the pool.';
  const counts = `${leaked} of the ${counted(queries, 'query')} (${percent(leaked / queries)} %) ${leaked === 1 ? 'is' : 'are'} also in the pool, but for case and spaces`;
  if (leaked === queries) return `${counts}: these figures say nothing of new texts.`;
  const without = shown.flatMap(({ selector, accuracyUnleaked }) =>
    accuracyUnleaked === null ? [] : [`${selector} ${percent(accuracyUnleaked)} %`],
  );
  return `${counts}; accuracy without: ${without.join(', ')}.`;
}

/** "on these 200 queries", "on this 1 query under 3 seeds" */
export const whereOf = (queries: number, seeds: number): string =>
  `on ${queries === 1 ? 'this' : 'these'} ${counted(queries, 'query')}${seeds > 1 ? ` under ${seeds} seeds` : ''}`;

/** "p = 0.03", "p < 0.001" */
export const pText = (p: number): string => (p < 0.001 ? 'p < 0.001' : `p = ${p.toFixed(3)}`);

export const counted = (count: number, noun: 'query' | 'example'): string =>
  count === 1 ? `1 ${noun}` : `${count} ${noun === 'query' ? 'queries' : 'examples'}`;
export const percent = (fraction: number): string => (100 * fraction).toFixed(1);

export const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
const isSignificant = ({ gain }: Candidate): boolean => gain !== undefined && gain.adjusted < LEVEL;
const byAccuracy = (a: Candidate, b: Candidate): number => b.accuracy - a.accuracy;

/** 0.0123 s → "12"; two digits, never with an exponent. */
export const milliseconds = (seconds: number): string => {
  const value = 1000 * seconds;
  return value >= 100 ? String(Math.round(value)) : value >= 0.001 ? value.toPrecision(2) : '< 0.001';
};
