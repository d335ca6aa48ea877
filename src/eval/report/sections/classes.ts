/** Labels that gain and labels that lose. */
import { differenceBars } from '../charts/difference-bars.js';
import { drawTwice } from '../charts/draw.js';
import type { ClassDifference, ClassDifferences } from '../facts/class-differences.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, labelCell, markdownTable, type Table } from '../page/table.js';
import { counted, labelText, percent, points, shorten } from '../page/words.js';
import { figure, folded } from './figure.js';
import type { Section } from './section.js';

/** Gains, and losses, that are drawn. */
const DRAWN = 20;

export const classes: Section = ({ classes: found, llm }) => {
  if (found === null || found.classes.length === 0) return null;
  const [selector, baseline] = [shorten(found.selector, 40), shorten(found.baseline, 40)];
  const gains = found.classes.filter(({ difference }) => difference > 0);
  const losses = found.classes.filter(({ difference }) => difference < 0);
  const same = found.classes.length - gains.length - losses.length;
  const drawn = [...gains.slice(0, DRAWN), ...losses.slice(-DRAWN)];
  const left = gains.length + losses.length - drawn.length;
  const subject = llm === null ? `${selector} is right` : `the LLM is right with ${selector}`;
  const other = llm === null ? baseline : `with ${baseline}`;
  const reading =
    `Of ${counted(found.classes.length, 'label')} that queries have, ${subject} more often than ${other} on ${gains.length}, less often on ` +
    `${losses.length}, and as often on ${same}. A label with few queries moves by much when one answer changes.` +
    (left > 0 ? ` The chart has the ${DRAWN} largest gains and losses at most.` : '');
  const table = tableOf(found, found.classes);
  const words = {
    label: `Accuracy by label, ${selector} less ${baseline}`,
    description: `${reading} The table below has every label.`,
  };
  const bars = drawn.map(({ label, difference }) => ({ name: labelText(label), difference }));
  const chart = figure({
    caption: `Accuracy of ${selector} less that of ${baseline}, in points`,
    chart: drawTwice((width) => differenceBars(bars, width, words)),
  });
  return {
    id: 'classes',
    title: 'Label by label',
    html: html`<p>${reading}</p>
      ${drawn.length === 0 ? null : chart}${folded(`All ${counted(found.classes.length, 'label')}`, htmlTable(table))}`,
    markdown: [escapeMarkdown(reading), ...(drawn.length === 0 ? [] : [markdownTable(tableOf(found, drawn))])].join(
      '\n\n',
    ),
  };
};

const tableOf = ({ selector, baseline }: ClassDifferences, rows: readonly ClassDifference[]): Table => ({
  caption: 'Accuracy by label',
  columns: [
    { title: 'label' },
    { title: 'queries', align: 'right' },
    { title: `${shorten(selector, 30)} %`, align: 'right' },
    { title: `${shorten(baseline, 30)} %`, align: 'right' },
    { title: 'difference', align: 'right' },
  ],
  rows: rows.map(({ label, queries, selectorAccuracy, baselineAccuracy, difference }) => ({
    cells: [
      labelCell(label),
      String(queries),
      percent(selectorAccuracy),
      percent(baselineAccuracy),
      points(difference),
    ],
  })),
});
