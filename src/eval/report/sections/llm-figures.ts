/** What the LLM answered with the examples of each selector, in figures. */
import type { ErrorCode } from '../../../core/errors.js';
import type { IclSummary } from '../../icl/icl-report.js';
import type { ReportModel } from '../model.js';
import type { LlmFigures } from '../facts/llm.js';
import { html } from '../page/html.js';
import { htmlTable, labelCell, markdownTable, rangedCell, textCell, type Cell, type Table } from '../page/table.js';
import { counted, percent, points, pValue, shorten, whole } from '../page/words.js';
import { figureTable, type Figure } from './figure-table.js';
import type { Section } from './section.js';
import { nameOf } from './summary.js';

export const llmFiguresSection: Section = (model) => {
  if (model.llm === null) return null;
  const table = figureTable('The LLM’s answers with each selector', rowsOf(model, model.llm), figuresOf(model, model.llm)); // prettier-ignore
  const replies = figureTable('Replies with each selector', rowsOf(model, model.llm), repliesOf(model, model.llm));
  const offList = offListTable(model.llm);
  return {
    id: 'llm',
    title: 'What the LLM answered',
    html: html`${table.html}
      <h3>Replies</h3>
      ${replies.html}
      ${
        offList.rows.length === 0
          ? null
          : html`<h3>${offList.caption}</h3>
              ${htmlTable(offList)}`
      }`,
    markdown: [
      table.markdown,
      '### Replies',
      replies.markdown,
      ...(offList.rows.length === 0 ? [] : [`### ${offList.caption}`, markdownTable(offList)]),
    ].join('\n\n'),
  };
};

/** The best first; without a reply last. */
export const rowsOf = ({ baseline, advice }: ReportModel, { summary }: LlmFigures) =>
  [...summary]
    .sort((a, b) => (b.accuracy ?? -1) - (a.accuracy ?? -1))
    .map((item) => ({ name: nameOf(item.selector, baseline), strong: item.selector === advice.advised, item }));

const shareCell = (share: number | null): string => (share === null ? '–' : percent(share));

const intervalCell = (share: number | null, low: number | null, high: number | null): Cell =>
  share === null || low === null || high === null ? '–' : rangedCell(percent(share), percent(low), percent(high));

function figuresOf({ leaked, seeds, baseline }: ReportModel, { summary }: LlmFigures): Figure<IclSummary>[] {
  const test =
    seeds.length === 1 ? 'McNemar’s mid-p' : 'from the paired bootstrap over queries, with a t-distribution over seeds';
  const gains: Figure<IclSummary>[] = [
    {
      title: 'gain',
      cell: ({ gain }) =>
        gain === undefined ? '–' : rangedCell(points(gain.difference), points(gain.low), points(gain.high)),
      meaning: `The LLM’s accuracy less that with ${shorten(baseline, 60)}, in points of per cent, on the queries that got a reply with both.`,
    },
    {
      title: 'p',
      cell: ({ gain }) => (gain === undefined ? '–' : pValue(gain.adjusted)),
      meaning: `How often chance alone would bring about so large a difference between two equally good selectors; below 0.05 it is called significant. Two-sided, ${test}, corrected for the number of comparisons (Holm).`,
    },
  ];
  return [
    {
      title: 'LLM %',
      cell: ({ accuracy, low, high }) => intervalCell(accuracy, low, high),
      meaning:
        'Queries that the LLM answered with the right label, of those with a reply; a reply off the list is wrong. The interval with it holds the values that agree with these data (95 %).',
    },
    ...(summary.length > 1 ? gains : []),
    {
      title: 'vote %',
      cell: ({ voteAccuracy, voteLow, voteHigh }) => intervalCell(voteAccuracy, voteLow, voteHigh),
      meaning: 'The same queries by the vote of the chosen examples, as if there were no LLM.',
    },
    ...(leaked > 0
      ? [
          {
            title: 'without leaks %',
            cell: ({ accuracyUnleaked }: IclSummary) => shareCell(accuracyUnleaked),
            meaning: `The LLM’s accuracy without the ${counted(leaked, 'query', 'queries')} whose text is in the pool, but for case and spaces.`,
          },
        ]
      : []),
    {
      title: 'macro-F1 %',
      cell: ({ macroF1 }) => shareCell(macroF1),
      meaning: 'Mean over labels of a score (F1) that is high when a label is both found where it belongs and not given elsewhere.', // prettier-ignore
    },
    {
      title: 'per class %',
      cell: ({ meanPerClass }) => shareCell(meanPerClass),
      meaning: 'Mean over labels of the accuracy on the queries of each; rare labels count as much as frequent ones.',
    },
  ];
}

function repliesOf({ seeds }: ReportModel, { summary }: LlmFigures): Figure<IclSummary>[] {
  return [
    {
      title: 'replies',
      cell: ({ replies }) => whole(replies),
      meaning: seeds.length === 1 ? 'One to each query.' : 'One to each query under each seed.',
    },
    {
      title: 'off list',
      cell: ({ offList }) => whole(offList),
      meaning: 'Replies that are no label of the list, cut-off ones included; they count as wrong.',
    },
    {
      title: 'cut off',
      cell: ({ cutOff }) => whole(cutOff),
      meaning: 'Replies that the endpoint ended early: at the limit to their length, or by a filter.',
    },
    {
      title: 'no reply',
      cell: ({ failed }) => whole(failed),
      meaning: 'Prompts without a reply: neither right nor wrong, and in no figure.',
    },
    ...errorsOf(summary).map((code): Figure<IclSummary> => ({ title: code, cell: ({ failures }) => whole(failures[code] ?? 0) })), // prettier-ignore
  ];
}

/** Codes of failures, each once. */
const errorsOf = (summary: readonly IclSummary[]): ErrorCode[] => [
  ...new Set(summary.flatMap(({ failures }) => Object.keys(failures) as ErrorCode[])),
];

const offListTable = ({ summary }: LlmFigures): Table => ({
  caption: 'The most frequent replies off the list',
  columns: [{ title: 'selector' }, { title: 'reply' }, { title: 'times', align: 'right' }],
  rows: summary.flatMap(({ selector, offListReplies }) =>
    offListReplies.map(({ reply, count }) => ({
      cells: [shorten(selector, 60), reply === '' ? labelCell('', '(empty)') : textCell(reply), whole(count)],
    })),
  ),
});
