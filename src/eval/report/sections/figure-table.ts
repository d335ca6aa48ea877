/** Figures side by side in a table, with what each of them means. */
import { html, type Html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, markdownTable, type Cell, type Table } from '../page/table.js';

export interface Figure<T> {
  readonly title: string;
  readonly cell: (item: T) => Cell;
  /** A sentence for those who do not know the term; the interval's stands with what it is of. */
  readonly meaning?: string;
}

/** A row of the table. */
export interface FigureRow<T> {
  readonly name: Cell;
  readonly strong: boolean;
  readonly item: T;
}

export function figureTable<T>(
  caption: string,
  rows: readonly FigureRow<T>[],
  shown: readonly Figure<T>[],
): { readonly html: Html; readonly markdown: string } {
  const table: Table = {
    caption,
    columns: [{ title: 'selector' }, ...shown.map(({ title }) => ({ title, align: 'right' as const }))],
    rows: rows.map(({ name, strong, item }) => ({ cells: [name, ...shown.map(({ cell }) => cell(item))], strong })),
  };
  const meanings = shown.flatMap(({ title, meaning }) => (meaning === undefined ? [] : [[title, meaning] as const]));
  return {
    html: html`${htmlTable(table)}
      <dl class="terms">
        ${meanings.map(
          ([title, meaning]) =>
            html`<div>
              <dt>${title}</dt>
              <dd>${meaning}</dd>
            </div>`,
        )}
      </dl>`,
    markdown: [
      markdownTable(table),
      meanings.map(([title, meaning]) => `- **${escapeMarkdown(title)}**: ${escapeMarkdown(meaning)}`).join('\n'),
    ].join('\n\n'),
  };
}
