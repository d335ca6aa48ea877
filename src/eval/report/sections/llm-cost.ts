/** What the LLM took: tokens, calls, waiting and money. */
import type { IclSummary, Usage } from '../../icl/icl-report.js';
import { amountText } from '../../icl/spending.js';
import type { LlmFigures } from '../facts/llm.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, markdownTable, type Table } from '../page/table.js';
import { counted, whole } from '../page/words.js';
import { figureTable, type Figure } from './figure-table.js';
import { rowsOf } from './llm-figures.js';
import type { Section } from './section.js';

export const llmCost: Section = (model) => {
  if (model.llm === null) return null;
  const { requests, lost, stopped } = model.llm;
  const table = figureTable('What a query took with each selector', rowsOf(model, model.llm), figuresOf(model.llm));
  const total = totalTable(model.llm);
  const reading =
    `This run sent ${counted(requests, 'request')}${lost > 0 ? `, of which ${whole(lost)} got no answer and may be billed all the same` : ''}. ` +
    `Replies are kept on disk: those of earlier runs, and those to equal prompts, cost nothing again.` +
    (stopped === null ? '' : ` It ended early: ${stopped.message}.`);
  return {
    id: 'cost',
    title: 'What it took',
    html: html`<p>${reading}</p>
      ${htmlTable(total)}
      <h3>For each query</h3>
      ${table.html}`,
    markdown: [escapeMarkdown(reading), markdownTable(total), '### For each query', table.markdown].join('\n\n'),
  };
};

function totalTable({ usage, prices }: LlmFigures): Table {
  const row = (name: string, own: Usage) => ({
    cells: [
      name,
      whole(own.replies),
      `${own.estimated > 0 ? '~' : ''}${whole(own.promptTokens)}`,
      `${own.estimated > 0 ? '~' : ''}${whole(own.completionTokens)}`,
      ...(prices === null ? [] : [own.cost === null ? '–' : amountText(own.cost)]),
    ],
  });
  return {
    caption: 'Replies, tokens and cost in all',
    columns: [
      { title: 'in all' },
      ...['replies', 'prompt tokens', 'reply tokens', ...(prices === null ? [] : ['cost'])].map((title) => ({
        title,
        align: 'right' as const,
      })),
    ],
    rows: [row('this run', usage.run), row('with what was kept', usage.all)],
  };
}

function figuresOf({ summary, prices }: LlmFigures): Figure<IclSummary>[] {
  const estimated = summary.some((each) => each.estimated > 0)
    ? ' ~ stands before what is estimated, since the endpoint did not tell the tokens of every reply.'
    : '';
  const about = (value: number | null, digits: number, own: IclSummary): string =>
    value === null ? '–' : `${own.estimated > 0 ? '~' : ''}${digits === 0 ? whole(Math.round(value)) : value.toFixed(digits)}`; // prettier-ignore
  return [
    {
      title: 'examples',
      cell: ({ examples }) => (examples === null ? '–' : examples.toFixed(1)),
      meaning: 'Examples in a prompt, mean: fewer than were chosen where the template’s limits leave some out.',
    },
    {
      title: 'prompt tokens',
      cell: (own) => about(own.promptTokens, 0, own),
      meaning: `Of a prompt, mean.${estimated}`,
    },
    { title: 'reply tokens', cell: (own) => about(own.completionTokens, 1, own), meaning: 'Of a reply, mean.' },
    { title: 'calls', cell: ({ calls }) => whole(calls), meaning: 'Prompts for which a call was made in this run.' },
    {
      title: 'from the cache',
      cell: ({ cached }) => whole(cached),
      meaning: 'Replies without a call of their own: kept from an earlier run, or given to an equal prompt.',
    },
    {
      title: 'p50 ms',
      cell: ({ latencyMs }) => (latencyMs === null ? '–' : whole(Math.round(latencyMs.p50))),
      meaning: 'Milliseconds from sending a prompt to the end of its reply: half of the calls took no longer. Of the calls that made the replies, in this run or earlier.', // prettier-ignore
    },
    {
      title: 'p95 ms',
      cell: ({ latencyMs }) => (latencyMs === null ? '–' : whole(Math.round(latencyMs.p95))),
      meaning: '95 of 100 calls took no longer.',
    },
    ...(prices === null
      ? []
      : [
          {
            title: 'cost/query',
            cell: (own: IclSummary) =>
              own.costPerQuery === null ? '–' : `${own.estimated > 0 ? '~' : ''}${amountText(own.costPerQuery)}`,
            meaning: `Mean over replies, at ${prices.input} for a million prompt tokens and ${prices.output} for a million reply tokens.`,
          },
        ]),
  ];
}
