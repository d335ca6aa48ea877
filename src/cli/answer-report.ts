/** What `fungi answer` prints: of one text, and of a file. */
import { ERRORS } from '../core/errors.js';
import type { LlmClient } from '../llm/client.js';
import { tallyAnswers, type Answer, type AnswerTally } from '../llm/tally.js';
import type { Manifest } from '../store/manifest.js';
import type { SelectorAnswer } from '../selector/selector.js';
import { countsOf, promptsOf, type Answered } from './answer-batch.js';
import type { Report } from './context.js';
import { nameOf as itemName } from '../encoders/media/read-media.js';
import { nameOf } from './llm-options.js';
import { mediaLine } from './media-options.js';
import { explanationText } from './policy-option.js';
import { counted, oneLine, pairs, percent } from './output.js';

/** An answer for people: the label, or what there is in place of one. */
export function answerLine(answer: Answer): string {
  if (answer.kind === 'label') return answer.label;
  if (answer.kind === 'failed') return `no reply: ${answer.error.code}`;
  if (answer.kind === 'abstained') {
    return `no answer: the likeliest label is ${answer.likeliest}, with confidence ${answer.confidence.toFixed(3)}`;
  }
  const { cut, reply } = answer;
  return cut === undefined
    ? `none of the labels: "${oneLine(reply)}"`
    : `a reply cut off (${cut}): "${oneLine(reply)}"`;
}

export function singleAnswer(index: Manifest, given: SelectorAnswer, llm: LlmClient | undefined): Report {
  const { label, by, answer: reply, vote, selection, usage, prompt, cached } = given;
  const media = prompt && mediaLine([prompt.size]);
  return {
    text: [
      `${answerLine(reply)}\nby ${nameOf(llm)}\nvotes: ${vote.label} ${vote.votes} of ${vote.total}`,
      ...(selection.explanation === undefined ? [] : [explanationText(selection.explanation, index)]),
    ].join('\n\n'),
    ...(media !== undefined && { summary: media }),
    json: {
      index: index.name,
      query: selection.query,
      by,
      llm: llm?.settings.model ?? null,
      label: label ?? null,
      kind: reply.kind,
      ...(reply.kind === 'invalid' && off(reply)),
      ...(reply.kind === 'abstained' && unsure(reply)),
      truncated: selection.truncated,
      vote: { label: vote.label, votes: vote.votes, total: vote.total },
      examples: selection.examples.map(({ rank, id, label: own, distance }) => ({ rank, id, label: own, distance })),
      usage: usage ?? null,
      ...(prompt?.size.media && { prompt: countsOf(prompt) }),
      cached,
      ...(selection.explanation !== undefined && { explanation: selection.explanation }),
    },
  };
}

/** @param kept whether replies are on disk, so that the same command asks only for the missing */
export function manyAnswers(
  name: string,
  answered: readonly Answered[],
  llm: LlmClient | undefined,
  kept: boolean,
): Report {
  const tally = tallyAnswers(answered.map(({ query, answer }) => ({ answer, truth: query.label })));
  const media = mediaLine(promptsOf(answered).map(({ size }) => size));
  const failure = answered.find(({ answer }) => answer.kind === 'failed')?.answer;
  return {
    text: answered.map(lineOf).join('\n'),
    summary: [
      `by ${nameOf(llm)}`,
      pairs(tallyLines(tally)),
      ...(media === undefined ? [] : [media]),
      ...(failure?.kind === 'failed' ? [`the first failure: ${failure.error.message}`] : []),
      ...(tally.failed > 0 && kept
        ? ['Run the same command again to ask for the missing replies; the others are kept.']
        : []),
    ].join('\n'),
    json: {
      index: name,
      by: llm === undefined ? 'vote' : 'llm',
      llm: llm?.settings.model ?? null,
      ...tally,
      accuracy: tally.accuracy ?? null,
      truncated: answered.filter(({ truncated }) => truncated).length,
      answers: answered.map(toJson),
    },
    exitCode: tally.failed > 0 ? ERRORS.LLM_FAILED.exit : 0,
  };
}

/** Label and text; where there is no label, an empty column, the text and what there is in its place. */
function lineOf({ query, answer }: Answered): string {
  const text = oneLine(itemName(query.input));
  return answer.kind === 'label' ? `${oneLine(answer.label)}\t${text}` : `\t${text}\t${oneLine(answerLine(answer))}`;
}

function tallyLines(tally: AnswerTally): [string, string][] {
  const { total, answered, invalid, failed: none, failures, abstained, accuracy } = tally;
  const codes = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
  const lines: [string, string][] = [
    ['answered', `${answered} of ${total}`],
    ['outside the labels, or cut off', String(invalid)],
    ['no reply', `${none}${codes.length > 0 ? ` (${codes.join(', ')})` : ''}`],
    ...(abstained === undefined ? [] : [['not confident enough', String(abstained)] satisfies [string, string]]),
  ];
  if (accuracy === undefined) return lines;
  const { correct, judged, coverage, selectiveAccuracy, overall, ofAll } = accuracy;
  const share = (fraction: number | null): string => (fraction === null ? 'none' : `${percent(fraction)} %`);
  lines.push(['correct', `${counted(correct, 'text')} of ${judged}`]);
  if (coverage === 1) lines.push(['accuracy', share(overall)]);
  else {
    lines.push(
      ['coverage', `${share(coverage)}: the texts that got a label`],
      ['selective accuracy', `${share(selectiveAccuracy)}: of these`],
      ['accuracy', `${share(overall)}: a text that got none is wrong`],
    );
  }
  if (none > 0) lines.push(['of all, by the missing', `${percent(ofAll.low)} to ${percent(ofAll.high)} %`]);
  return lines;
}

function toJson({ query, answer, vote, truncated, prompt }: Answered): object {
  return {
    input: query.input,
    truth: query.label ?? null,
    kind: answer.kind,
    label: answer.kind === 'label' ? answer.label : null,
    ...(answer.kind === 'invalid' && off(answer)),
    ...(answer.kind === 'abstained' && unsure(answer)),
    ...(answer.kind === 'failed' && { error: { code: answer.error.code, message: answer.error.message } }),
    vote,
    truncated,
    ...(prompt?.size.media && { prompt }),
  };
}

/** A reply off the list, and why it was cut off, if it was. */
const off = ({ reply, cut }: Extract<Answer, { kind: 'invalid' }>): object => ({
  reply,
  ...(cut !== undefined && { cut }),
});

const unsure = ({ likeliest, confidence }: Extract<Answer, { kind: 'abstained' }>): object => ({
  likeliest,
  confidence,
});
