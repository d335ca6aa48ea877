/** A chart with its title, its key, and the same in a table. */
import { html, type Html } from '../page/html.js';
import { htmlTable, type Table } from '../page/table.js';

export interface FigureParts {
  readonly caption: string;
  readonly chart: Html;
  readonly key?: Html;
  /** Left out where a table beside the figure says the same. */
  readonly table?: Table;
}

export const figure = ({ caption, chart, key, table }: FigureParts): Html =>
  html`<figure>
    <figcaption>${caption}</figcaption>
    ${key}${chart} ${table && folded('The figures of this chart', htmlTable(table))}
  </figure> `;

/** Closed on a screen, open on paper. */
export const folded = (summary: string, content: Html): Html =>
  html`<details class="fold">
    <summary>${summary}</summary>
    ${content}
  </details> `;

/** Names with their marks. */
export const keyList = (entries: readonly (readonly [mark: Html, name: string])[]): Html =>
  html`<ul class="legend">
    ${entries.map(([mark, name]) => html`<li>${mark} <bdi>${name}</bdi></li>`)}
  </ul> `;
