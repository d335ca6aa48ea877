/** All figures of all selectors, with what each of them means. */
import type { ReportModel, SelectorFigures } from '../model.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, markdownTable, rangedCell, type Cell, type Table } from '../page/table.js';
import { milliseconds, percent, points, pValue, whole } from '../page/words.js';
import type { Section } from './section.js';
import { nameOf } from './summary.js';

interface Figure {
  readonly title: string;
  readonly cell: (figures: SelectorFigures) => Cell;
  /** A sentence for those who do not know the term; the interval's stands with what it is of. */
  readonly meaning?: string;
}

export const figures: Section = (model) => {
  const shown = figuresOf(model);
  const table: Table = {
    caption: 'Figures of each selector',
    columns: [{ title: 'selector' }, ...shown.map(({ title }) => ({ title, align: 'right' as const }))],
    rows: [...model.selectors]
      .sort((a, b) => b.accuracy - a.accuracy)
      .map((each) => ({
        cells: [nameOf(each.selector, model.baseline), ...shown.map(({ cell }) => cell(each))],
        strong: each.selector === model.advice.advised,
      })),
  };
  const meanings = shown.flatMap(({ title, meaning }) => (meaning === undefined ? [] : [[title, meaning] as const]));
  return {
    id: 'figures',
    title: 'All figures',
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
};

function figuresOf({ leaked, selectors, seeds, baseline }: ReportModel): Figure[] {
  const test = seeds.length === 1 ? 'McNemar’s mid-p' : 'from the paired bootstrap over seeds and queries';
  const gains: Figure[] = [
    {
      title: 'gain',
      cell: ({ gain }) =>
        gain === undefined ? '–' : rangedCell(points(gain.difference), points(gain.low), points(gain.high)),
      meaning: `Accuracy less that of ${baseline}, in points of per cent, on the same queries. The interval with it holds the gains that agree with these data; without 0 in it, the gain is more than chance, corrections aside.`,
    },
    {
      title: 'p',
      cell: ({ gain }) => (gain === undefined ? '–' : pValue(gain.adjusted)),
      meaning: `How often chance alone would bring about so large a difference between two equally good selectors; below 0.05 it is called significant. Two-sided, ${test}, corrected for the number of comparisons (Holm).`,
    },
  ];
  return [
    {
      title: 'accuracy %',
      cell: ({ accuracy, low, high }) => rangedCell(percent(accuracy), percent(low), percent(high)),
      meaning:
        'Queries whose vote gives the right label. The interval with it holds the values that agree with these data (95 %).',
    },
    ...(selectors.length > 1 ? gains : []),
    ...(leaked > 0
      ? [
          {
            title: 'without leaks %',
            cell: ({ accuracyUnleaked }: SelectorFigures) =>
              accuracyUnleaked === null ? 'none left' : percent(accuracyUnleaked),
            meaning: `Accuracy without the ${whole(leaked)} queries whose text is in the pool, but for case and spaces: closer to what new texts will see.`,
          },
        ]
      : []),
    {
      title: 'macro-F1 %',
      cell: (each) => percent(each.macroF1),
      meaning:
        'Mean over labels of a score (F1) that is high when a label is both found where it belongs and not given elsewhere; rare labels count as much as frequent ones.',
    },
    {
      title: 'per class %',
      cell: (each) => percent(each.meanPerClass),
      meaning: 'Mean over labels of the accuracy on the queries of each; rare labels count as much as frequent ones.',
    },
    {
      title: 'label hit %',
      cell: (each) => percent(each.labelHit),
      meaning:
        'Queries with at least one example of their own label among the chosen: only then can a prompt show the right answer.',
    },
    {
      title: 'same label %',
      cell: (each) => percent(each.sameLabel),
      meaning: 'Of the examples chosen for a query the share with its label, mean over queries.',
    },
    {
      title: 'examples',
      cell: (each) => each.examples.toFixed(1),
      meaning:
        'Examples chosen for a query, mean over queries. A search for words can find fewer than asked for, or none.',
    },
    ...(selectors.some((each) => each.empty > 0)
      ? [{ title: 'nothing chosen', cell: (each: SelectorFigures) => whole(each.empty), meaning: 'Queries for which nothing was chosen, over all seeds; they count as wrong.' }] // prettier-ignore
      : []),
    {
      title: 'ms/query',
      cell: ({ secondsPerQuery }) => (secondsPerQuery === null ? '–' : milliseconds(secondsPerQuery)),
      meaning:
        'Milliseconds to choose for one query on this machine. Of selectors by features: to make the query’s features, without the search.',
    },
  ];
}
