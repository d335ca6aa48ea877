/** What a reader of accuracies easily overlooks, in words: a selector that needs no encoder, and labels of very different size. */
import type { PairedDifference } from '../measures/intervals.js';
import { groupRows } from '../../core/group-rows.js';
import { bm25Selector } from './baselines.js';
import { isFeatureSelector } from './feature-selectors.js';
import { pairedGains, type Gain, type Predictions } from './scores.js';
import { LEVEL, percent, pText, type Candidate } from './verdict.js';

/** The commonest label of the queries. */
export interface Majority {
  readonly label: string;
  /** Of the queries, as a fraction. */
  readonly share: number;
}

/** What the best selector by features gains over bm25. */
export interface OverBm25 extends PairedDifference {
  readonly selector: string;
  /** Two-sided; that of the table where it has this comparison, else corrected for the choice of the best. */
  readonly p: number;
}

/** Of labels as frequent as each other the first by code unit. @param truth labels of the queries, one at least */
export function majorityOf(truth: readonly string[]): Majority {
  const [label, rows] = [...groupRows(truth)].sort(([a, x], [b, y]) => y.length - x.length || (a < b ? -1 : 1))[0]!;
  return { label, share: rows.length / truth.length };
}

/**
 * The best selector by features against bm25; null unless both kinds are compared, on one query at least. Where one of them is the baseline
 * the table has this very comparison, and its p; else p is corrected for the features that the best was chosen from, on the same queries.
 *
 * @param predictionsOf the predictions of two selectors on the same queries, one a seed
 */
export function overBm25(
  candidates: readonly Candidate[],
  reference: string,
  predictionsOf: (own: string, other: string) => readonly [own: readonly Predictions[], other: readonly Predictions[]],
): OverBm25 | null {
  const features = candidates.filter(({ selector }) => isFeatureSelector(selector));
  const [best] = [...features].sort((a, b) => b.accuracy - a.accuracy);
  const bm25 = candidates.find(({ selector }) => selector === bm25Selector.name);
  if (best === undefined || bm25 === undefined) return null;
  const { selector } = best;
  const [own, baseline] = predictionsOf(selector, bm25.selector);
  if (own[0]!.correct.length === 0) return null;
  const [{ difference, low, high, p }] = pairedGains([{ selector, baseline, own }]) as [Gain];
  const inTable = selector === reference ? bm25.gain : bm25.selector === reference ? best.gain : undefined;
  return { selector, difference, low, high, p: inTable?.adjusted ?? Math.min(1, p * features.length) };
}

/** Above this share of the queries, a selector may have most of its accuracy from one label. */
const MOST = 0.5;
const LABEL_CHARACTERS = 60;

/**
 * That one label has most queries, and how the selectors fare with all labels alike; empty where none has.
 *
 * @param all every selector compared
 * @param shown those that the verdict is about
 */
export function majoritySentence(
  { label, share }: Majority,
  all: readonly Scored[],
  shown: readonly Scored[],
): string[] {
  if (share <= MOST) return [];
  const characters = Array.from(label);
  const cut = characters.length > LABEL_CHARACTERS ? '…' : '';
  const name = `${characters.slice(0, LABEL_CHARACTERS).join('')}${cut}`;
  if (share === 1) {
    return [
      `All queries have the label ${JSON.stringify(name)}: these figures cannot tell a selector from always answering it.`,
    ];
  }
  const [first] = shown;
  const unbeaten = first!.accuracy <= share ? `, which ${first!.selector} does not beat` : '';
  const best = [...all].sort((a, b) => b.macroF1 - a.macroF1)[0]!;
  const figures = shown.map(({ selector, macroF1 }) => `${percent(macroF1)} % with ${selector}`);
  const highest = shown.some(({ macroF1 }) => macroF1 === best.macroF1)
    ? ''
    : `; the highest is ${percent(best.macroF1)} % with ${best.selector}`;
  return [
    `${percent(share)} % of the queries have the label ${JSON.stringify(name)}: always answering it would be right as often as that${unbeaten}. ` +
      `Macro-F1, which counts every label alike, is the figure to look at: ${figures.join(', ')}${highest} (not tested).`,
  ];
}

type Scored = Candidate & { readonly macroF1: number };

/**
 * That bm25 does without an encoder, where it is advised, ahead of all features, or not significantly behind the best of them; else empty.
 *
 * @param advised the selector that the verdict tells to use
 */
export function bm25Sentence(over: OverBm25 | null, advised: string, baseline: string): string[] {
  const { name } = bm25Selector;
  if (over === null) return [];
  if (advised === name) return [`${name} needs no encoder.`];
  const { selector, difference, p } = over;
  const cheap = `${name}, which needs no encoder,`;
  const points = `${percent(Math.abs(difference))} points`;
  if (difference === 0) return [`${cheap} is right as often as ${selector}.`];
  const tested = `${p < LEVEL ? 'significant' : 'not significant'} at 5 %, ${pText(p)}`;
  // The figures of a difference from the baseline are told already.
  if (difference < 0 && selector === baseline) return [`${name} needs no encoder, and is ahead of ${selector}.`];
  if (difference < 0) return [`${cheap} is ahead of ${selector} by ${points} (${tested}).`];
  return p < LEVEL
    ? []
    : [`${cheap} is ${points} behind ${selector} (${tested}): these queries do not show that the encoder pays.`];
}
