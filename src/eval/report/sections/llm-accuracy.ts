/** Accuracy of the LLM with the examples of each selector, beside that of their vote, drawn. */
import { drawTwice } from '../charts/draw.js';
import { pairedBars, type PairedBar, type Share } from '../charts/paired-bars.js';
import type { ReportModel } from '../model.js';
import type { LlmFigures } from '../facts/llm.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { percent } from '../page/words.js';
import { figure } from './figure.js';
import type { Section } from './section.js';

export const llmAccuracy: Section = (model) => {
  if (model.llm === null) return null;
  const bars = barsOf(model, model.llm);
  const [best, last] = [bars[0], bars.at(-1)];
  if (best === undefined || last === undefined) return null;
  const words = {
    label: 'Accuracy of the LLM, and of the vote, with each selector',
    description: `The LLM is right most often with ${best.name}, ${shareText(best.llm)}, and least often with ${last.name}, ${shareText(last.llm)}. The table below has all figures.`,
  };
  const reading =
    'A filled bar is the share of replies that are right, an empty one what the vote of the same examples would get. The line across an end holds ' +
    'the values that agree with these data (95 % interval): where two such lines overlap widely, the order of the two may be chance. The ' +
    'dotted line is the LLM with the baseline.';
  return {
    id: 'accuracy',
    title: 'Accuracy',
    html: html`<p>${reading}</p>
      ${figure({ caption: 'Right answers, % of replies and of votes', chart: drawTwice((width) => pairedBars(bars, width, words)) })}`,
    markdown: bars
      .map(
        ({ name, llm, vote, role }) =>
          `- ${role === 'advised' ? `**${escapeMarkdown(name)}**` : escapeMarkdown(name)}: LLM ${shareText(llm)} ${'█'.repeat(Math.round(20 * (llm?.accuracy ?? 0)))}${vote === null ? '' : `, vote ${shareText(vote)}`}`,
      )
      .join('\n'),
  };
};

const shareText = (share: Share | null): string => (share === null ? '–' : `${percent(share.accuracy)} %`);

/** Of those with a reply, the best first. */
const barsOf = ({ baseline, advice }: ReportModel, { summary }: LlmFigures): PairedBar[] =>
  summary
    .flatMap((each): PairedBar[] => {
      const { selector, accuracy, low, high, voteAccuracy, voteLow, voteHigh } = each;
      const llm = shareOf(accuracy, low, high);
      const role = selector === baseline ? 'baseline' : selector === advice.advised ? 'advised' : 'other';
      return llm === null ? [] : [{ name: selector, role, llm, vote: shareOf(voteAccuracy, voteLow, voteHigh) }];
    })
    .sort((a, b) => b.llm!.accuracy - a.llm!.accuracy);

const shareOf = (accuracy: number | null, low: number | null, high: number | null): Share | null =>
  accuracy === null || low === null || high === null ? null : { accuracy, low, high };
