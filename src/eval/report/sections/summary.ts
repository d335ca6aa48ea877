/** What was found, what to do about it, and what was compared. */
import { NONE } from '../../icl/icl-selectors.js';
import { amountText } from '../../icl/spending.js';
import type { LlmFigures } from '../facts/llm.js';
import type { ReportModel } from '../model.js';
import { html } from '../page/html.js';
import { commandHtml } from '../page/command.js';
import { codeSpan, escapeMarkdown } from '../page/markdown.js';
import { htmlTable, markdownTable, type Cell, type Table } from '../page/table.js';
import { counted, milliseconds, percent, points, shorten, whole, withMinus } from '../page/words.js';
import type { Rendered } from './section.js';

/** The top of the report; it has no null. */
export function summary(model: ReportModel): Rendered {
  const tiles = tilesOf(model);
  const compared = comparedText(model);
  const selectors = selectorTable(model);
  return {
    id: 'summary',
    title: 'What was found',
    html: html`<p class="verdict">${withMinus(model.verdict)}</p>
      <dl class="tiles">
        ${tiles.map(
          ({ name, value, note }) =>
            html`<div>
              <dt>${name}</dt>
              <dd><bdi class="value">${value}</bdi><span class="note">${note}</span></dd>
            </div>`,
        )}
      </dl>
      <h3>What to do</h3>
      <ul class="steps">
        ${model.nextSteps.map(({ text, command }) => html`<li>${text}${command === null ? null : html` <code>${commandHtml(command)}</code>`}</li>`)}
      </ul>
      <h3>What was compared</h3>
      <p>${compared}</p>
      ${htmlTable(selectors)}`,
    markdown: [
      `**${escapeMarkdown(withMinus(model.verdict))}**`,
      '### What to do',
      model.nextSteps
        .map(({ text, command }) => `- ${escapeMarkdown(text)}${command === null ? '' : ` ${codeSpan(command)}`}`)
        .join('\n'),
      '### What was compared',
      escapeMarkdown(compared),
      markdownTable(selectors),
    ].join('\n\n'),
  };
}

interface Tile {
  readonly name: string;
  readonly value: string;
  readonly note: string;
}

function tilesOf(model: ReportModel): Tile[] {
  const { selectors, advice, baseline, llm } = model;
  if (advice.advised === null) {
    return [{ name: 'No verdict', value: shorten(baseline, 40), note: 'The baseline got no reply to hold others against.' }]; // prettier-ignore
  }
  const { advised, focus, significant } = advice;
  const figures: readonly (typeof selectors)[number][] | LlmFigures['summary'] = llm?.summary ?? selectors;
  const own = figures.find(({ selector }) => selector === advised)!;
  const gain = figures.find(({ selector }) => selector === focus)?.gain;
  return [
    {
      name: significant ? 'Use' : focus === null ? 'Compared' : 'Stay with',
      value: shorten(advised, 40),
      note: selectors.find(({ selector }) => selector === advised)!.description,
    },
    ...(own.accuracy === null || own.low === null || own.high === null
      ? []
      : [
          {
            name: llm === null ? 'Its accuracy' : `Accuracy of ${shorten(llm.model, 30)}`,
            value: `${percent(own.accuracy)} %`,
            note: `95 % interval ${percent(own.low)} to ${percent(own.high)}`,
          },
        ]),
    ...(gain === undefined
      ? []
      : [
          {
            name: significant ? `Gain over ${shorten(baseline, 30)}` : `Best other: ${shorten(focus!, 30)}`,
            value: `${points(gain.difference)} points`,
            note: `95 % interval ${points(gain.low)} to ${points(gain.high)}; ${significant ? '' : 'not '}a significant gain`,
          },
        ]),
    ...effortTile(model, advised),
  ];
}

/** What a query takes with the advised selector, where that is known. */
function effortTile({ selectors, llm }: ReportModel, advised: string): Tile[] {
  const name = shorten(advised, 30);
  if (llm === null) {
    const seconds = selectors.find(({ selector }) => selector === advised)!.secondsPerQuery;
    return seconds === null
      ? []
      : [{ name: 'Time per query', value: `${milliseconds(seconds)} ms`, note: `to choose with ${name}` }];
  }
  const { costPerQuery, promptTokens, estimated } = llm.summary.find(({ selector }) => selector === advised)!;
  const about = estimated > 0 ? '~' : '';
  if (promptTokens === null) return [];
  const tokens = `${about}${whole(Math.round(promptTokens))}`;
  return costPerQuery === null
    ? [{ name: 'Prompt', value: `${tokens} tokens`, note: `mean, with ${name}` }]
    : [{ name: 'Cost per query', value: `${about}${amountText(costPerQuery)}`, note: `with ${name}: ${tokens} tokens of prompt` }]; // prettier-ignore
}

function comparedText(model: ReportModel): string {
  const { selectors, data: { counts }, k, seeds, method, llm } = model; // prettier-ignore
  const encoder = method.encoder === null ? '' : ` Features are made by the encoder ${method.encoder.id}.`;
  const runs =
    seeds.length === 1 ? '' : ` All of it was done ${seeds.length} times, with other random numbers (seeds).`;
  const chosen =
    `For each of ${counted(counts.test, 'query', 'queries')}, ${counted(selectors.length, 'selector')} chose up to ${counted(k, 'example')} from a pool of ` +
    `${whole(counts.train)} labelled texts with ${counted(counts.labels, 'label')}.`;
  return `${chosen} ${llm === null ? votedText : askedText(llm)}${encoder}${runs}`;
}

const votedText =
  'The chosen examples then voted: the label of most of them is the answer. Accuracy is the share of queries whose answer is right. No LLM was ' +
  'asked: the figures say how well the examples that a prompt would show fit the query.';

function askedText({ model, template, queries, unasked, summary }: LlmFigures): string {
  const without = summary.some(({ selector }) => selector === NONE) ? ` With ${NONE} it held no example.` : '';
  const left =
    unasked === 0
      ? ''
      : ` ${counted(queries, 'query was', 'queries were')} asked with every selector, ${whole(unasked)} left unasked.`;
  return (
    `A prompt (template ${shorten(template, 60)}) with the examples, the list of labels and the query then went to ${shorten(model, 60)} at temperature 0.${without} ` +
    `Accuracy is the share of replies that are the right label.${left}`
  );
}

const selectorTable = ({ selectors, baseline, advice }: ReportModel): Table => ({
  caption: 'The selectors compared',
  columns: [{ title: 'selector' }, { title: 'what it shows' }],
  rows: selectors.map(({ selector, description }) => ({
    cells: [nameOf(selector, baseline), description],
    strong: selector === advice.advised,
  })),
});

/** The baseline is told as such. */
export function nameOf(selector: string, baseline: string): Cell {
  const name = shorten(selector, 60);
  if (selector !== baseline) return { text: name, html: html`<bdi>${name}</bdi>` };
  return { text: `${name} (baseline)`, html: html`<bdi>${name}</bdi> <span class="tag">baseline</span>` };
}
