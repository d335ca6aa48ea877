/** `fungi answer`: the label of a text, or of every text of a file, by an LLM or by vote. */
import type { Command } from 'commander';
import pLimit from 'p-limit';
import { ERRORS, FungiError } from '../../core/errors.js';
import type { LlmClient } from '../../llm/client.js';
import { tallyAnswers, type Answer, type AnswerTally } from '../../llm/tally.js';
import { majorityVote } from '../../retrieve/vote.js';
import type { AnswerOptions, FungiSelector, Selection, SelectorAnswer } from '../../selector/selector.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import { addLlmOptions, createLlm, nameOf, type LlmFlags } from '../llm-options.js';
import { selectOptions, warnOf, withSelector, type FilterFlags, type OpenFlags } from '../open-selector.js';
import { addFilterOptions, addKeyOptions, type KeyFlags } from '../options.js';
import { counted, oneLine, pairs, percent } from '../output.js';
import { readQueries, type Query } from '../read-queries.js';
import { addTemplateOptions, templateOptions, type TemplateFlags } from './prompt.js';
import { addOpenOptions } from './retrieve.js';

interface AnswerFlags extends CommonOptions, OpenFlags, FilterFlags, TemplateFlags, LlmFlags, KeyFlags {
  readonly data?: string;
}

export function addAnswer(program: Command, run: Run): void {
  const command = program
    .command('answer')
    .description('give a text its label: by an LLM when a base URL is set, by majority vote of the examples when not')
    .argument('<name>', 'name of the index')
    .argument('[query]', 'a text; "-" reads it from standard input')
    .option('--data <file>', 'texts to answer instead (.jsonl, .csv, .tsv); with labels, the accuracy is told');
  addOpenOptions(addKeyOptions(addLlmOptions(addTemplateOptions(addFilterOptions(command)))))
    .addHelpText(
      'after',
      `
Replies outside the list of labels, and queries that got no reply, are counted apart. When any got none, the exit code is 6;
the same command again asks only for those, since replies are kept on disk.

Examples:
  fungi answer bank "my card has not arrived"
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 fungi answer bank "my card has not arrived" --model llama
  fungi answer bank --data test.jsonl --base-url https://api.openai.com/v1 --model gpt-4o-mini --concurrency 16 --json`,
    )
    .action((name: string, query: string | undefined, flags: AnswerFlags) =>
      run(flags, (context) => answer(context, name, query, flags)),
    );
}

async function answer(
  context: Context,
  name: string,
  argument: string | undefined,
  flags: AnswerFlags,
): Promise<Report> {
  if ((argument === undefined) === (flags.data === undefined)) {
    throw new FungiError('INVALID_ARGUMENT', 'give either a query or --data FILE', {
      hint: 'fungi answer NAME "a text", or fungi answer NAME --data texts.jsonl',
    });
  }
  const template = await templateOptions(flags);
  const llm = await createLlm(flags, context);
  const queries =
    flags.data === undefined ? [{ input: await readText(context, argument!) }] : await readQueries(flags.data, flags);
  return withSelector(context, name, flags, async (selector) => {
    const options = { ...selectOptions(flags, selector), ...template, ...(llm && { llm }) };
    if (flags.data === undefined) {
      const given = await selector.answer(queries[0]!.input, options);
      if (given.by === 'vote') assertVoters(given.selection);
      warnOf(given.selection, flags, context);
      return single(name, given, llm);
    }
    const answered =
      llm === undefined
        ? await byVote(selector, queries, options)
        : await byLlm(selector, queries, { ...options, llm }, context, flags.concurrency);
    return many(name, answered, llm);
  });
}

interface Answered {
  readonly query: Query;
  readonly answer: Answer;
  /** The examples' own majority. */
  readonly vote: string | undefined;
}

async function byVote(selector: FungiSelector, queries: readonly Query[], options: AnswerOptions): Promise<Answered[]> {
  const selections = await selector.selectBatch(
    queries.map(({ input }) => input),
    options,
  );
  selections.forEach(assertVoters);
  return selections.map(({ examples }, i) => {
    const { label } = majorityVote(examples);
    return { query: queries[i]!, answer: { kind: 'label', label }, vote: label };
  });
}

function assertVoters({ examples }: Selection): void {
  if (examples.length > 0) return;
  throw new FungiError('INVALID_ARGUMENT', 'no example of the index passes the filter: there is nobody to vote', {
    hint: 'Widen --label and --filter.',
  });
}

/** The first query goes alone, and its failure ends the command: an endpoint that is down should not be asked a thousand times. */
async function byLlm(
  selector: FungiSelector,
  queries: readonly Query[],
  options: AnswerOptions,
  { onProgress }: Context,
  concurrency: number,
): Promise<Answered[]> {
  let done = 0;
  const ask = async (query: Query): Promise<Answered> => {
    const { answer: given, vote } = await selector.answer(query.input, options);
    return { query, answer: given, vote: vote.label };
  };
  const tell = (answered: Answered): Answered => {
    onProgress({ stage: 'answers', done: ++done, total: queries.length, unit: 'rows' });
    return answered;
  };
  const first = tell(await ask(queries[0]!));
  const limit = pLimit(concurrency);
  const rest = queries.slice(1).map((query) => limit(() => ask(query).catch(failed(query)).then(tell)));
  return [first, ...(await Promise.all(rest))];
}

const failed =
  (query: Query) =>
  (error: unknown): Answered => {
    if (!FungiError.is(error) || !error.code.startsWith('LLM_')) throw error;
    return { query, answer: { kind: 'failed', error }, vote: undefined };
  };

function single(name: string, given: SelectorAnswer, llm: LlmClient | undefined): Report {
  const { label, by, answer: reply, vote, selection, usage, cached } = given;
  const shown = reply.kind === 'label' ? reply.label : `none of the labels: "${oneLine(reply.reply)}"`;
  return {
    text: `${shown}\nby ${nameOf(llm)}\nvotes: ${vote.label} ${vote.votes} of ${vote.total}`,
    json: {
      index: name,
      query: selection.query,
      by,
      llm: llm?.settings.model ?? null,
      label: label ?? null,
      kind: reply.kind,
      ...(reply.kind === 'invalid' && { reply: reply.reply }),
      vote: { label: vote.label, votes: vote.votes, total: vote.total },
      examples: selection.examples.map(({ rank, id, label: own, distance }) => ({ rank, id, label: own, distance })),
      usage: usage ?? null,
      cached,
    },
  };
}

function many(name: string, answered: readonly Answered[], llm: LlmClient | undefined): Report {
  const tally = tallyAnswers(answered.map(({ query, answer: given }) => ({ answer: given, truth: query.label })));
  return {
    text: `by ${nameOf(llm)}\n${pairs(tallyLines(tally))}`,
    json: {
      index: name,
      by: llm === undefined ? 'vote' : 'llm',
      llm: llm?.settings.model ?? null,
      ...tally,
      accuracy: tally.accuracy ?? null,
      answers: answered.map(toJson),
    },
    exitCode: tally.failed > 0 ? ERRORS.LLM_FAILED.exit : 0,
  };
}

function tallyLines({ total, answered, invalid, failed: none, failures, accuracy }: AnswerTally): [string, string][] {
  const codes = Object.entries(failures).map(([code, count]) => `${code} ${count}`);
  const lines: [string, string][] = [
    ['answered', `${answered} of ${total}`],
    ['outside the labels', String(invalid)],
    ['no reply', `${none}${codes.length > 0 ? ` (${codes.join(', ')})` : ''}`],
  ];
  if (accuracy === undefined) return lines;
  const { correct, judged, ofAnswered, ofReplies, ofAll } = accuracy;
  const share = (fraction: number | null): string => (fraction === null ? 'none' : `${percent(fraction)} %`);
  lines.push(['correct', `${counted(correct, 'text')} of ${judged}`], ['accuracy', share(ofReplies)]);
  if (invalid > 0) lines.push(['of replies in the list', share(ofAnswered)]);
  if (none > 0) lines.push(['of all, by the missing', `${percent(ofAll.low)} to ${percent(ofAll.high)} %`]);
  return lines;
}

function toJson({ query, answer: given, vote }: Answered): object {
  return {
    input: query.input,
    truth: query.label ?? null,
    kind: given.kind,
    label: given.kind === 'label' ? given.label : null,
    ...(given.kind === 'invalid' && { reply: given.reply }),
    ...(given.kind === 'failed' && { error: { code: given.error.code, message: given.error.message } }),
    vote: vote ?? null,
  };
}
