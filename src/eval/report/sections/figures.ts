/** All figures of all selectors by the vote of what they chose, with what each of them means. */
import { NONE } from '../../icl/icl-selectors.js';
import type { ReportModel, SelectorFigures } from '../model.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { rangedCell } from '../page/table.js';
import { counted, milliseconds, percent, points, pValue, whole } from '../page/words.js';
import { figureTable, type Figure } from './figure-table.js';
import type { Section } from './section.js';
import { nameOf } from './summary.js';

export const figures: Section = (model) => {
  // Without examples there is no vote.
  const voting = model.selectors.filter(({ selector }) => model.llm === null || selector !== NONE);
  if (voting.length === 0) return null;
  const table = figureTable(
    'Figures of each selector by vote',
    [...voting]
      .sort((a, b) => b.accuracy - a.accuracy)
      .map((item) => ({
        name: nameOf(item.selector, model.baseline),
        strong: item.selector === model.advice.advised,
        item,
      })),
    figuresOf(model, voting),
  );
  if (model.llm === null) return { id: 'figures', title: 'All figures', ...table };
  const reading =
    `What the chosen examples are worth by themselves, on all ${counted(model.data.counts.test, 'query', 'queries')}: the label that most of them have, as if there were no LLM. ` +
    'Where this is much lower than the LLM’s accuracy, the LLM knows the labels from their names.';
  return {
    id: 'figures',
    title: 'The vote of the examples',
    html: html`<p>${reading}</p>
      ${table.html}`,
    markdown: [escapeMarkdown(reading), table.markdown].join('\n\n'),
  };
};

function figuresOf(
  { leaked, seeds, baseline, llm }: ReportModel,
  selectors: readonly SelectorFigures[],
): Figure<SelectorFigures>[] {
  const test =
    seeds.length === 1 ? 'McNemar’s mid-p' : 'from the paired bootstrap over queries, with a t-distribution over seeds';
  const gains: Figure<SelectorFigures>[] = [
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
    ...(selectors.length > 1 && llm === null ? gains : []),
    ...(leaked > 0
      ? [
          {
            title: 'without leaks %',
            cell: ({ accuracyUnleaked }: SelectorFigures) =>
              accuracyUnleaked === null ? 'none left' : percent(accuracyUnleaked),
            meaning: `Accuracy without the ${counted(leaked, 'query', 'queries')} whose text is in the pool, but for case and spaces: closer to what new texts will see.`,
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
