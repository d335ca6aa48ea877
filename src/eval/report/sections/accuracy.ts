/** Accuracy of each selector by vote, drawn. */
import { accuracyBars, type AccuracyBar } from '../charts/accuracy-bars.js';
import { drawTwice } from '../charts/draw.js';
import type { ReportModel } from '../model.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { percent } from '../page/words.js';
import { figure } from './figure.js';
import type { Section } from './section.js';

export const accuracy: Section = (model) => {
  if (model.llm !== null) return null;
  const bars = barsOf(model);
  const [best, last] = [bars[0]!, bars.at(-1)!];
  const words = {
    label: 'Accuracy of each selector',
    description: `${best.name} is highest with ${percent(best.accuracy)} %, ${last.name} lowest with ${percent(last.accuracy)} %. The table below has all figures.`,
  };
  const reading =
    'A bar is the share of queries answered rightly. The line across its end holds the values that agree with these data (95 % interval): ' +
    'where two such lines overlap widely, the order of the two may be chance. The dotted line is the baseline.';
  return {
    id: 'accuracy',
    title: 'Accuracy',
    html: html`<p>${reading}</p>
      ${figure({ caption: 'Right answers of all queries, %', chart: drawTwice((width) => accuracyBars(bars, width, words)) })}`,
    markdown: bars
      .map(
        ({ name, accuracy: share, role }) =>
          `- ${role === 'advised' ? `**${escapeMarkdown(name)}**` : escapeMarkdown(name)}: ${percent(share)} % ${'█'.repeat(Math.round(20 * share))}`,
      ) // prettier-ignore
      .join('\n'),
  };
};

const barsOf = ({ selectors, baseline, advice }: ReportModel): AccuracyBar[] =>
  selectors
    .map(({ selector, accuracy: share, low, high }): AccuracyBar => {
      const role = selector === baseline ? 'baseline' : selector === advice.advised ? 'advised' : 'other';
      return { name: selector, accuracy: share, low, high, role };
    })
    .sort((a, b) => b.accuracy - a.accuracy);
