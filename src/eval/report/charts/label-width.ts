/** Room for labels beside a chart: there is no browser to measure them in. */
import { shorten } from '../page/words.js';

/** Pixels of a character of 12 px on average; of East Asian characters and emoji about twice that. */
const NARROW = 6.7;
const BROAD = 13;

const BROAD_FROM = 0x1100;

export const textWidth = (text: string): number =>
  Array.from(text).reduce((sum, character) => sum + (character.codePointAt(0)! < BROAD_FROM ? NARROW : BROAD), 0);

export interface FittedLabels {
  /** What to write for each label, in their order; equal ones can come of different labels. */
  readonly texts: readonly string[];
  /** Pixels that the widest takes. */
  readonly width: number;
}

/** @param limit pixels there are */
export function fitLabels(labels: readonly string[], limit: number): FittedLabels {
  const texts = labels.map((label) => {
    let characters = Math.floor(limit / NARROW);
    let text = shorten(label, characters);
    while (textWidth(text) > limit && characters > 1) text = shorten(label, --characters);
    return text;
  });
  return { texts, width: Math.max(0, ...texts.map(textWidth)) };
}
