/**
 * Charts as inline SVG. Colours are CSS variables of the page, so that one drawing serves light and dark. Plot's SVG is written out anew
 * with few elements and attributes: the same input gives the same bytes, and nothing else gets through.
 */
import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { escapeHtml, Html, html } from '../page/html.js';

export interface ChartWords {
  /** What it is, in a few words. */
  readonly label: string;
  /** What it shows, for those who do not see it. */
  readonly description: string;
}

/** Widths that a chart is drawn for, in pixels: of a screen and of a phone. */
export const WIDE = 900;
export const NARROW = 340;

const { document } = parseHTML('<!doctype html><html><body></body></html>') as unknown as { document: object };

/** @param words null for a mark that the text beside it explains */
export function draw(options: Plot.PlotOptions, words: ChartWords | null): Html {
  const figure = Plot.plot({ ...options, document: document as never, figure: false }) as unknown as SvgElement;
  const size = ['width', 'height', 'viewBox'].map((name) => attribute(name, rounded(figure.getAttribute(name) ?? '')));
  const content = figure.childNodes.map(svgMarkup).join('');
  const role =
    words === null
      ? attribute('aria-hidden', 'true')
      : `${attribute('role', 'img')}${attribute('aria-label', words.label)}${attribute('aria-description', words.description)}`;
  return Html.trusted(
    `<svg class="chart"${size.join('')}${role} fill="currentColor" text-anchor="middle">${content}</svg>`,
  );
}

/** Two drawings, of which the page shows the one that fits the screen: text keeps its size. */
export function drawTwice(chart: (width: number) => Html): Html {
  return html`<div class="on-wide">${chart(WIDE)}</div>
    <div class="on-narrow">${chart(NARROW)}</div>`;
}

interface SvgElement {
  readonly nodeType: number;
  readonly localName: string;
  readonly textContent: string;
  readonly childNodes: readonly SvgElement[];
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
  getAttribute(name: string): string | null;
}

const ELEMENTS = new Set(['g', 'path', 'rect', 'line', 'circle', 'text', 'tspan', 'title']);
const ATTRIBUTES = new Set(
  (
    'cx cy d dx dy fill fill-opacity font-size font-style font-variant font-weight height opacity paint-order r rx ry stroke ' +
    'stroke-dasharray stroke-linecap stroke-linejoin stroke-opacity stroke-width text-anchor transform width x x1 x2 y y1 y2'
  ).split(' '),
);
const ELEMENT = 1;
const TEXT = 3;

function svgMarkup(node: SvgElement): string {
  if (node.nodeType === TEXT) return escapeHtml(node.textContent);
  if (node.nodeType !== ELEMENT || !ELEMENTS.has(node.localName)) return '';
  const attributes = node.attributes
    .filter(({ name }) => ATTRIBUTES.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, value }) => attribute(name, rounded(value)));
  const content = node.childNodes.map(svgMarkup).join('');
  return `<${node.localName}${attributes.join('')}>${content}</${node.localName}>`;
}

/** Hundredths of a pixel are enough. */
const rounded = (value: string): string =>
  value.replace(/-?\d+\.\d{3,}/g, (digits) => String(Number(Number(digits).toFixed(2))));

const attribute = (name: string, value: string): string => ` ${name}="${escapeHtml(value)}"`;
