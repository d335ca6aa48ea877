/** Single queries side by side. */
import type { Case, CaseGroup, CaseReply, Choice } from '../facts/cases.js';
import { html, type Html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { labelCell, longText, shortText } from '../page/table.js';
import { counted, listed, shorten, shortWhere } from '../page/words.js';
import { folded } from './figure.js';
import type { Section } from './section.js';

/** Cases of a kind that are seen at once. */
const OPEN = 2;

export const cases: Section = ({ cases: { selectors, groups, seed }, seeds, llm }) => {
  const names = selectors.map((name) => shorten(name, 40));
  const shown = groups.filter((group) => group.cases.length > 0);
  if (shown.length === 0) return null;
  const reading =
    `Some queries, with the first examples that ${listed(names)} chose for them${llm === null ? '' : ', and what the LLM replied'}. A tick ✓ and a bold label mark what has the query’s own label, a cross ✗ ` +
    `what has another. The queries are drawn at random among those of their kind${seeds.length > 1 ? `, as answered under seed ${seed}` : ''}.`;
  const parts = shown.map((group) => ({ group, title: titleOf(group.kind, names, llm !== null), note: noteOf(group) }));
  return {
    id: 'cases',
    title: 'Queries side by side',
    html: html`<p>${reading}</p>
      ${parts.map(
        ({ group, title, note }) =>
          html`<h3>${title} <span class="count">${note}</span></h3>
            ${group.cases.slice(0, OPEN).map(htmlCase)}${group.cases.length > OPEN ? folded(`${group.cases.length - OPEN} more`, html`${group.cases.slice(OPEN).map(htmlCase)}`) : null}`,
      )}`,
    markdown: [
      escapeMarkdown(reading),
      ...parts.flatMap(({ group, title, note }) => [
        `### ${escapeMarkdown(`${title} (${note})`)}`,
        ...group.cases.map(markdownCase),
      ]),
    ].join('\n\n'),
  };
};

function titleOf(kind: CaseGroup['kind'], [first = '', second = '']: readonly string[], asked: boolean): string {
  if (kind === 'all-wrong') return asked ? 'The LLM is wrong with all' : 'All are wrong';
  const [right, wrong] = kind === 'won' ? [first, second] : [second, first];
  return asked ? `The LLM is right with ${right}, wrong with ${wrong}` : `${right} is right, ${wrong} is wrong`;
}

const noteOf = ({ cases: some, total }: CaseGroup): string =>
  some.length === total
    ? counted(total, 'query', 'queries')
    : `${some.length} of ${counted(total, 'query', 'queries')}`;

const mark = (right: boolean): Html =>
  right
    ? html`<span class="tick" role="img" aria-label="right">✓</span>`
    : html`<span class="cross" role="img" aria-label="wrong">✗</span>`;

const marked = (label: string, right: boolean): Html =>
  html`<span class="${right ? 'own' : 'other'}">${mark(right)} ${labelCell(label).html}</span>`;

const htmlCase = ({ text, label, where, choices, others }: Case): Html =>
  html`<article class="case">
    <div class="query">
      ${longText(text)}
      <p class="truth">
        label ${labelCell(label).html}${where === null ? null : html` · <bdi>${shortWhere(where)}</bdi>`}
      </p>
    </div>
    <div class="choices">${choices.map((choice) => htmlChoice(choice, label))}</div>
    ${others.length === 0 ? null : html`<p class="others">Others: ${others.map((other) => html`<span class="answer"><bdi>${shorten(other.selector, 40)}</bdi> ${htmlAnswer(other, label)}</span> `)}</p>`}
  </article> `;

/** The LLM's where one was asked, else that of the vote. */
const htmlAnswer = ({ reply, predicted }: Pick<Choice, 'reply' | 'predicted'>, truth: string): Html =>
  reply === null ? marked(predicted, predicted === truth) : htmlReply(reply, truth);

function htmlReply(reply: CaseReply, truth: string): Html {
  if (reply.label !== null) return marked(reply.label, reply.label === truth);
  const said = saidText(reply);
  return reply.text === null
    ? html`<em>${said}</em>`
    : html`<span class="other">${mark(false)} <em>${said}</em></span>`;
}

const saidText = ({ kind, error }: CaseReply): string =>
  ({ label: '', 'off-list': 'off the list', 'cut-off': 'cut off', failed: `no reply: ${error ?? ''}`, unasked: 'not asked' })[kind]; // prettier-ignore

const htmlChoice = (choice: Choice, truth: string): Html =>
  html`<section>
    <h4>
      <bdi>${shorten(choice.selector, 40)}</bdi>${choice.reply === null ? ' answers' : ': the LLM replies'}
      ${htmlAnswer(choice, truth)}
    </h4>
    ${choice.reply === null || choice.reply.text === null ? null : html`<blockquote class="reply">${longText(choice.reply.text)}</blockquote>`}
    <p class="small">
      ${choice.reply === null || choice.chosen === 0 ? null : html`The vote is ${marked(choice.predicted, choice.predicted === truth)}: `}${votesText(choice, truth)}
    </p>
    <ol>
      ${choice.examples.map(({ text, label }) => html`<li>${longText(text)} ${marked(label, label === truth)}</li>`)}
    </ol>
  </section> `;

function votesText({ predicted, chosen, votes, ownLabel, examples }: Choice, truth: string): string {
  if (chosen === 0) return 'Nothing was chosen.';
  const own = predicted === truth ? '' : `, ${ownLabel} have the query’s own`;
  return `${votes} of ${counted(chosen, 'example')} have that label${own}${examples.length < chosen ? `. The first ${examples.length}:` : ':'}`;
}

const markdownCase = ({ text, label, where, choices, others }: Case): string =>
  [
    `> ${escapeMarkdown(shortText(text))}`,
    '>',
    `> label **${escapeMarkdown(labelCell(label).text)}**${where === null ? '' : ` · ${escapeMarkdown(shortWhere(where))}`}`,
    '',
    ...choices.flatMap((choice) => [
      `- ${escapeMarkdown(shorten(choice.selector, 40))}${markdownAnswers(choice, label)}`,
      ...choice.examples.map(
        (each, i) => `  ${i + 1}. ${markdownMarked(each.label, label)}: ${escapeMarkdown(shortText(each.text))}`,
      ),
    ]),
    ...(others.length === 0
      ? []
      : [`- others: ${others.map((other) => `${escapeMarkdown(shorten(other.selector, 40))} ${markdownAnswer(other, label)}`).join(', ')}`]), // prettier-ignore
  ].join('\n');

function markdownAnswers(choice: Choice, truth: string): string {
  const { reply, predicted, chosen, votes, ownLabel } = choice;
  const answer = `${reply === null ? ' answers' : ': the LLM replies'} ${markdownAnswer(choice, truth)}`;
  if (chosen === 0) return reply === null ? `${answer}: nothing was chosen` : answer;
  const vote = reply === null ? ':' : `; the vote is ${markdownMarked(predicted, truth)}:`;
  return `${answer}${vote} ${votes} of ${chosen} have that label, ${ownLabel} the query’s own`;
}

const markdownAnswer = ({ reply, predicted }: Pick<Choice, 'reply' | 'predicted'>, truth: string): string => {
  if (reply === null) return markdownMarked(predicted, truth);
  if (reply.label !== null) return markdownMarked(reply.label, truth);
  return reply.text === null ? saidText(reply) : `✗ “${escapeMarkdown(shortText(reply.text))}” (${saidText(reply)})`;
};

const markdownMarked = (label: string, truth: string): string =>
  label === truth ? `✓ **${escapeMarkdown(labelCell(label).text)}**` : `✗ ${escapeMarkdown(labelCell(label).text)}`;
