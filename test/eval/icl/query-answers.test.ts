/** What became of each prompt, as programs read it. */
import { expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { queryAnswers, REPLY_CHARACTERS, type QueryAnswer } from '../../../src/eval/icl/query-answers.js';
import type { Reply } from '../../../src/eval/icl/ask.js';
import { LABELS, ownRows, queriesOf, runOf } from './support.js';

const reply = (text: string, finishReason = 'stop'): Reply => ({
  kind: 'reply',
  now: true,
  completion: { text, finishReason, cached: false, attempts: 1 },
});

it('tells of each query what every selector chose, the vote, and what the LLM made of it', () => {
  const queries = queriesOf(7);
  const runs = [runOf('none', queries, () => []), runOf('own', queries, ownRows)];
  const long = '🎉'.repeat(REPLY_CHARACTERS + 5);
  const of = [reply(' "Ant". '), reply('a goat'), reply('cow', 'length'), reply(long), { kind: 'failed', error: new FungiError('LLM_RATE_LIMITED', 'slow') } as const, undefined]; // prettier-ignore
  const places = queries.map((_, query) => query === 6 ? new FungiError('INVALID_ARGUMENT', 'too long') : { prompt: query, examples: 2 }); // prettier-ignore
  const none = queries.map(() => ({ prompt: 0, examples: 0 }));
  const comparison = { runs, leaked: queries.map((_, query) => query === 1) };
  const found = queryAnswers({ comparison, queries, labels: LABELS, plan: { prompts: [], places: [none, places] }, replies: { of } }); // prettier-ignore

  expect(found.map(({ query, text, label, leaked }) => [query, text, label, leaked]).slice(0, 2)).toEqual([
    [0, 'query 0', 'ant', false],
    [1, 'query 1', 'bee', true],
  ]);
  const [without] = found[0]!.answers;
  expect(without).toMatchObject({ selector: 'none', seed: 0, rows: [], vote: null, examples: 0, reply: 'label', label: 'ant' }); // prettier-ignore
  const own = found.map(({ answers }) => answers[1]!);
  expect(own.map(({ rows, vote }) => [rows, vote]).slice(0, 2)).toEqual([[[0, 3, 6], 'ant'], [[1, 4, 7], 'bee']]); // prettier-ignore
  const nothing = { label: null, text: null, error: null };
  const fates: Omit<QueryAnswer, 'selector' | 'seed' | 'rows' | 'vote'>[] = [
    { ...nothing, examples: 2, reply: 'label', label: 'ant' },
    { ...nothing, examples: 2, reply: 'off-list', text: 'a goat' },
    { ...nothing, examples: 2, reply: 'cut-off', text: 'cow' },
    { ...nothing, examples: 2, reply: 'off-list', text: '🎉'.repeat(REPLY_CHARACTERS) },
    { ...nothing, examples: 2, reply: 'failed', error: 'LLM_RATE_LIMITED' },
    { ...nothing, examples: 2, reply: 'unasked' },
    { ...nothing, examples: null, reply: 'failed', error: 'INVALID_ARGUMENT' },
  ];
  expect(own).toMatchObject(fates);
});
