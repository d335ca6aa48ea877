/** What follows from a comparison by an LLM, in one paragraph. */
import { counted, leakSentence, percent, recommendation, whereOf, type Candidate } from '../compare/verdict.js';
import { bm25Sentence, majoritySentence } from '../compare/verdict-notes.js';
import type { IclReport, IclSummary } from './icl-report.js';
import { NONE } from './icl-selectors.js';

/** Above this share of replies that are no label there is nothing to judge selectors by. */
const MOST_OFF_LIST = 0.8;

type Scored = IclSummary & Candidate & { readonly macroF1: number };

/**
 * What may be held against each other: the baseline, and what got a reply to a query that the baseline got one to as well. Where calls failed,
 * accuracies are of different queries: what counts is the difference on those that both got a reply to. Empty without a reply of the baseline,
 * and where most replies are no label: such figures say how the LLM words its answers, not which examples help.
 */
export function comparedByReplies({ summary, baseline }: IclReport): Scored[] {
  if (offListShare(summary) > MOST_OFF_LIST) return [];
  const scored = summary.filter((each): each is Scored => each.accuracy !== null);
  const base = scored.find(({ selector }) => selector === baseline);
  if (base === undefined) return [];
  return scored.flatMap((each) => {
    if (each === base) return [each];
    return each.gain === undefined ? [] : [{ ...each, accuracy: base.accuracy + each.gain.difference }];
  });
}

/**
 * Which selector to use for this LLM on these data, by how much, whether that is more than chance, and what must be known to read the figures:
 * whether bm25 does as well without an encoder, whether one label has most queries, replies that never came or left the list, queries unasked,
 * queries that are in the pool.
 *
 * @param llm its name
 */
export function iclVerdict(report: IclReport, llm: string): string {
  const { baseline, queries, seeds, leaked } = report;
  const compared = comparedByReplies(report);
  const base = compared.find(({ selector }) => selector === baseline);
  const where = whereOf(queries, seeds);
  if (queries === 0)
    return `No verdict: no query was asked of every selector. ${restSentence(report).join(' ')}`.trim();
  const off = offListShare(report.summary);
  if (off > MOST_OFF_LIST) {
    const [often] = report.summary.flatMap(({ offListReplies }) => offListReplies).sort((a, b) => b.count - a.count);
    const quoted = often === undefined ? '' : ` (the most frequent: ${JSON.stringify(often.reply.slice(0, 80))})`;
    return [
      `No verdict: ${percent(off)} % of the replies are none of the labels${quoted}, so the figures say how ${llm} words its answers, not which examples help it.`,
      'Have the prompt ask for the label alone, see whether replies are cut off (--max-tokens), and run it again.',
      ...restSentence(report),
    ].join(' ');
  }
  if (base === undefined) {
    return [`No verdict: ${baseline}, the baseline, got no reply.`, ...restSentence(report)].join(' ');
  }
  const { advised, sentences } =
    compared.length === 1
      ? { advised: base, sentences: [aloneSentence(base, where, llm, report.k)] }
      : recommendation(compared, baseline, {
          where,
          // "worse: none" would read as nobody.
          nameOf: (selector) => (selector === NONE ? 'no examples at all' : selector),
          rightMoreOften: (selector, points, other) =>
            `${llm} is right ${points} points more often ${withExamples(selector, report.k)} than ${withThoseOf(selector, other, report.k)}`,
        });
  const shown = advised === base ? [base] : [advised, base];
  return [
    ...sentences,
    ...bm25Sentence(report.overBm25, advised.selector, baseline),
    ...(report.majority === null ? [] : majoritySentence(report.majority, compared, shown)),
    ...restSentence(report),
    leakSentence(queries, leaked, shown),
  ].join(' ');
}

const withExamples = (selector: string, k: number): string =>
  selector === NONE ? 'without examples' : `with its ${counted(k, 'example')}`;

function withThoseOf(selector: string, other: string, k: number): string {
  if (other === NONE) return 'without examples';
  return selector === NONE ? `with the ${counted(k, 'example')} of ${other}` : `with those of ${other}`;
}

/** Of all selectors' replies; 0 where there are none. */
function offListShare(summary: readonly IclSummary[]): number {
  const replies = summary.reduce((sum, each) => sum + each.replies, 0);
  return replies === 0 ? 0 : summary.reduce((sum, each) => sum + each.offList, 0) / replies;
}

const aloneSentence = ({ selector, accuracy }: Scored, where: string, llm: string, k: number): string =>
  `Only ${selector} was compared: ${where} ${llm} is right ${percent(accuracy)} % of the time ${withExamples(selector, k)}.`;

/** Empty where every query was asked, and every reply came. */
function restSentence({ summary, unasked }: IclReport): string[] {
  const failed = summary.filter((each) => each.failed > 0).map((each) => `${each.selector} ${each.failed}`);
  const cut = summary.filter((each) => each.cutOff > 0).map((each) => `${each.selector} ${each.cutOff}`);
  return [
    ...(unasked > 0 ? [`${counted(unasked, 'query')} ${unasked === 1 ? 'was' : 'were'} left unasked.`] : []),
    ...(failed.length > 0 ? [`Without a reply, and in no figure: ${failed.join(', ')}.`] : []),
    ...(cut.length > 0 ? [`Cut off, and counted wrong: ${cut.join(', ')}.`] : []),
  ];
}
