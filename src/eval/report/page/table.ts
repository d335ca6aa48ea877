/** One table for both forms of the report, so that they say the same. */
import { html, type Html } from './html.js';
import { escapeMarkdown } from './markdown.js';
import { labelText, shorten } from './words.js';

/** Plain text, or with markup of its own in HTML. */
export type Cell = string | { readonly text: string; readonly html: Html };

export interface Table {
  /** What it shows, for those who cannot see where it stands. */
  readonly caption: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

export interface Column {
  readonly title: string;
  /** @default 'left' */
  readonly align?: 'left' | 'right';
}

export interface Row {
  readonly cells: readonly Cell[];
  /** Stands out. */
  readonly strong?: boolean;
}

/** The first cell of a row is its header. */
export function htmlTable({ caption, columns, rows }: Table): Html {
  const side = (c: number): string => (columns[c]?.align === 'right' ? 'number' : 'word');
  // "< 0.001" stays on one line.
  const content = (cell: Cell): Html | string =>
    typeof cell === 'string' ? cell.replace(/^< (?=\d)/, '<\u00A0') : cell.html;
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}">
    <table>
      <thead>
        <tr>
          ${columns.map(({ title }, c) => html`<th scope="col" class="${side(c)}">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          ({ cells, strong }) =>
            html`<tr class="${strong ? 'strong' : 'plain'}">
              ${cells.map((cell, c) => (c === 0 ? html`<th scope="row" class="${side(c)}">${content(cell)}</th>` : html`<td class="${side(c)}">${content(cell)}</td>`))}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
}

export function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => escapeMarkdown(title))),
    line(columns.map(({ align }) => (align === 'right' ? '--:' : ':--'))),
    ...rows.map(({ cells, strong }) =>
      line(
        cells.map((cell, c) => {
          const text = escapeMarkdown(typeof cell === 'string' ? cell : cell.text);
          return strong && c === 0 ? `**${text}**` : text;
        }),
      ),
    ),
  ].join('\n');
}

const LABEL_LENGTH = 48;
const TEXT_LENGTH = 180;

/** A label: its own direction of writing, and the whole of a long one as its title. @param empty what stands for no label */
export function labelCell(label: string, empty?: string): { readonly text: string; readonly html: Html } {
  const text = labelText(label, empty);
  const short = shorten(text, LABEL_LENGTH);
  if (label === '') return { text, html: html`<em>${text}</em>` };
  return {
    text: short,
    html: short === text ? html`<bdi class="label">${text}</bdi>` : html`<bdi class="label" title="${text}">${short}</bdi>`, // prettier-ignore
  };
}

/** A text: a long one opens. */
export function longText(text: string): Html {
  const short = shorten(text, TEXT_LENGTH);
  if (!short.endsWith('…') || short === text) return html`<bdi>${text}</bdi>`;
  return html`<details class="more">
    <summary><bdi>${short}</bdi></summary>
    <bdi class="whole">${text}</bdi>
  </details>`;
}

/** {@link longText} in a table. */
export const textCell = (text: string): Cell => ({ text: shortText(text), html: longText(text) });

export const shortText = (text: string): string => shorten(text, TEXT_LENGTH);

/** A figure over its interval. */
export const rangedCell = (value: string, low: string, high: string): Cell => ({
  text: `${value} (${low} to ${high})`,
  html: html`${value}<span class="range">${low} to ${high}</span>`,
});
