/** What was found, what to do about it, and what was compared. */
import type { ReportModel, SelectorFigures } from '../model.js';
import { html } from '../page/html.js';
import { codeSpan, escapeMarkdown } from '../page/markdown.js';
import { htmlTable, markdownTable, type Cell, type Table } from '../page/table.js';
import { counted, milliseconds, percent, points, shorten, whole } from '../page/words.js';
import type { Rendered } from './section.js';

/** The top of the report; it has no null. */
export function summary(model: ReportModel): Rendered {
  const tiles = tilesOf(model);
  const compared = comparedText(model);
  const selectors = selectorTable(model);
  return {
    id: 'summary',
    title: 'What was found',
    html: html`<p class="verdict">${model.verdict}</p>
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
        ${model.nextSteps.map(({ text, command }) => html`<li>${text}${command === null ? null : html` <code>${command}</code>`}</li>`)}
      </ul>
      <h3>What was compared</h3>
      <p>${compared}</p>
      ${htmlTable(selectors)}`,
    markdown: [
      `**${escapeMarkdown(model.verdict)}**`,
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

function tilesOf({ selectors, advice, baseline }: ReportModel): Tile[] {
  const of = (name: string | null): SelectorFigures | undefined => selectors.find(({ selector }) => selector === name);
  const advised = of(advice.advised)!;
  const focus = of(advice.focus);
  const gain = focus?.gain;
  return [
    {
      name: advice.significant ? 'Use' : advice.focus === null ? 'Compared' : 'Stay with',
      value: shorten(advised.selector, 40),
      note: advised.description,
    },
    {
      name: 'Its accuracy',
      value: `${percent(advised.accuracy)} %`,
      note: `95 % interval ${percent(advised.low)} to ${percent(advised.high)}`,
    },
    ...(gain === undefined
      ? []
      : [
          {
            name: advice.significant
              ? `Gain over ${shorten(baseline, 30)}`
              : `Best other: ${shorten(focus!.selector, 30)}`,
            value: `${points(gain.difference)} points`,
            note: `95 % interval ${points(gain.low)} to ${points(gain.high)}; ${advice.significant ? '' : 'not '}a significant gain`,
          },
        ]),
    ...(advised.secondsPerQuery === null
      ? []
      : [{ name: 'Time per query', value: `${milliseconds(advised.secondsPerQuery)} ms`, note: `to choose with ${shorten(advised.selector, 30)}` }]), // prettier-ignore
  ];
}

function comparedText({ selectors, data: { counts }, k, seeds, method }: ReportModel): string {
  const encoder = method.encoder === null ? '' : ` Features are made by the encoder ${method.encoder.id}.`;
  const runs =
    seeds.length === 1 ? '' : ` All of it was done ${seeds.length} times, with other random numbers (seeds).`;
  return (
    `For each of ${counted(counts.test, 'query', 'queries')}, ${counted(selectors.length, 'selector')} chose up to ${counted(k, 'example')} from a pool of ` +
    `${whole(counts.train)} labelled texts with ${counted(counts.labels, 'label')}. The chosen examples then voted: the label of most of them is the ` +
    `answer. Accuracy is the share of queries whose answer is right. No LLM was asked: the figures say how well the examples that a ` +
    `prompt would show fit the query.${encoder}${runs}`
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
