/** Labels that are taken for each other. */
import { heatMap } from '../charts/heat-map.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, labelCell, markdownTable, type Table } from '../page/table.js';
import { counted, listed, NOTHING, OFF_LIST, shorten } from '../page/words.js';
import type { ReportModel } from '../model.js';
import { figure } from './figure.js';
import type { Section } from './section.js';

export const confusions: Section = ({ confusions: found, seeds, llm }) => {
  if (found.answers === 0) return null;
  const empty = llm === null ? NOTHING : OFF_LIST;
  const names = found.selectors.map((name) => shorten(name, 40));
  const whose = llm === null ? 'of' : 'of the LLM with the examples of';
  const of = `${counted(found.answers, 'answer')}${seeds.length > 1 ? ' (all seeds together)' : ''}`;
  const reading =
    found.pairs.length === 0
      ? `No answer ${whose} ${listed(names)} was wrong.`
      : `The commonest mistakes ${whose} ${listed(names)}, counted in ${of} each. Where two labels are often taken for each other, ` +
        'more examples seldom help: check first that the labels mean different things.';
  const table = tableOf(found, empty);
  // Two maps of so few labels fit side by side.
  const smallest = found.matrices.every(({ labels }) => labels.length <= 6);
  const maps = found.matrices.map((matrix) => {
    const name = shorten(matrix.selector, 40);
    return figure({
      caption: `${name}: true labels (rows) and answers (columns)`,
      chart: html`<div class="scroll" tabindex="0" role="region" aria-label="${`Answers of ${name}`}">
        ${heatMap(
          matrix,
          {
            label: `Answers of ${name} by true label`,
            description:
              'Rows are true labels, columns answers. Blue on the diagonal is right, orange is wrong; the deeper, the larger the share of the row. The table above has the commonest mistakes.',
          },
          empty,
        )}
      </div>`,
    });
  });
  return {
    id: 'confusions',
    title: 'What is taken for what',
    html: html`<p>${reading}</p>
      ${found.pairs.length === 0 ? null : htmlTable(table)}
      ${maps.length === 0 ? null : html`<p class="small">Below, every answer: blue is right, orange wrong, deeper colour a larger share of the row’s label.</p>`}
      <div class="${smallest ? 'maps' : 'maps large'}">${maps}</div>`,
    markdown: [escapeMarkdown(reading), ...(found.pairs.length === 0 ? [] : [markdownTable(table)])].join('\n\n'),
  };
};

const tableOf = ({ selectors, pairs }: ReportModel['confusions'], empty: string): Table => ({
  caption: 'The commonest mistakes',
  columns: [
    { title: 'true label' },
    { title: 'answer' },
    { title: 'of', align: 'right' },
    ...selectors.map((name) => ({ title: shorten(name, 30), align: 'right' as const })),
  ],
  rows: pairs.map(({ truth, predicted, of, counts }) => ({
    cells: [labelCell(truth), labelCell(predicted, empty), String(of), ...counts.map(String)],
  })),
});
