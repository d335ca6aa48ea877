/** How series and labels are told apart: a colour of the page's palette (Okabe–Ito, adapted to each ground), and a shape. */
import * as Plot from '@observablehq/plot';
import { Html, html } from '../page/html.js';
import { draw } from './draw.js';

export interface Style {
  readonly colour: string;
  /** Place in {@link SYMBOLS}. */
  readonly symbol: number;
  /** Dashes of a line; '' for none. */
  readonly dash: string;
}

export const SYMBOLS = [
  'circle',
  'square',
  'triangle',
  'diamond2',
  'star',
  'wye',
] as const satisfies readonly Plot.SymbolType[];
const COLOURS = 8;
const DASHES = ['', '7 4', '2 3', '9 3 2 3'];

/** A pair of colour and shape comes back after 24 places, a colour after eight. */
export const styleOf = (place: number): Style => ({
  colour: `var(--c${(place % COLOURS) + 1})`,
  symbol: place % SYMBOLS.length,
  dash: DASHES[place % DASHES.length]!,
});

const KEY = 16;

/** The mark of a style, for a legend. */
export function key({ colour, symbol }: Pick<Style, 'colour' | 'symbol'>): Html {
  const dot = Plot.dot([[KEY / 2, KEY / 2]], { fill: colour, symbol: SYMBOLS[symbol]!, r: 5 });
  return html`<span class="key">${draw(keyOptions([dot]), null)}</span>`;
}

/** The mark of a wrong answer. */
export function crossKey(): Html {
  const dot = Plot.dot([[KEY / 2, KEY / 2]], { stroke: 'var(--fg)', strokeWidth: 1.75, symbol: 'times', r: 5 });
  return html`<span class="key">${draw(keyOptions([dot]), null)}</span>`;
}

const keyOptions = (marks: Plot.Markish[]): Plot.PlotOptions => ({
  ...{ width: KEY, height: KEY, margin: 0, marks },
  x: { type: 'identity', axis: null },
  y: { type: 'identity', axis: null },
});
