/** `fungi demo`: plain embeddings and FUNGI features side by side, on messages to a library's help desk. */
import type { Command } from 'commander';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FungiError } from '../../core/errors.js';
import { wilson, type Interval } from '../../core/wilson.js';
import { readExamples } from '../../eval/data/read-examples.js';
import type { LlmClient } from '../../llm/client.js';
import type { ChatMessage } from '../../prompt/message.js';
import type { Answer } from '../../llm/tally.js';
import { majorityVote, type Vote } from '../../retrieve/vote.js';
import { DEFAULT_ENCODER } from '../../selector/options.js';
import { votersOf } from '../../selector/policy-use.js';
import type { Manifest } from '../../store/manifest.js';
import type { FungiSelector, SelectedExample } from '../../selector/selector.js';
import { answerLine } from '../answer-report.js';
import { readText, type CommonOptions, type Context, type Report, type Run } from '../context.js';
import { hintOfEncoders } from '../encoder-hint.js';
import { ensureIndex, type EnsureOptions } from '../ensure-index.js';
import { manifestLines } from '../manifest-lines.js';
import { addLlmOptions, createLlm, nameOf, type LlmFlags } from '../llm-options.js';
import { withSelector, type OpenFlags } from '../open-selector.js';
import { addCommonOptions, addRuntimeOptions, engineOptions } from '../options.js';
import { counted, oneLine, pairs, percent, table, type Column } from '../output.js';
import type { Query } from '../read-queries.js';
import { showMessages } from '../media-options.js';

interface DemoFlags extends CommonOptions, OpenFlags, LlmFlags {}

/** The package's examples folder: three up from here in src and in dist alike. */
const DATA = fileURLToPath(new URL('../../../examples/demo/', import.meta.url));
const SHOWN_QUERIES = 2;
const K = 20;
/** In the accuracy of the plain embedding, as `fungi eval knn` has it: both tell the same figures. */
const TIES = 'name';
/** Lines of a manifest. */
const CHOICE: readonly string[] = ['features', 'reduced to', 'shares', 'chosen', 'expected'];
/** Of a table of two rankings side by side. */
const WIDEST = 120;
/** Compact, and the paper's own (Listing 1). */
const TEMPLATE = 'classify';
const INDEXES = {
  embedding: { name: 'embedding', features: { losses: [] }, reducer: { kind: 'pca' } },
  fungi: { name: 'fungi', features: { losses: [{ name: 'kl' }] } },
} as const satisfies Record<string, Pick<EnsureOptions, 'name' | 'features' | 'reducer'>>;

export function addDemo(program: Command, run: Run): void {
  const command = program
    .command('demo')
    .description('index a small real labelled set, and compare plain embeddings with FUNGI features on it')
    .argument('[query]', `a text of your own (default: the first ${SHOWN_QUERIES} test messages)`)
    .option('--encoder <id|dir>', `model: a folder, a hub id or a short name (default: ${DEFAULT_ENCODER})`);
  addCommonOptions(addLlmOptions(addRuntimeOptions(command)))
    .addHelpText(
      'after',
      `
Examples:
  fungi demo
  fungi demo "how long may I keep a book?"
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 fungi demo --model llama`,
    )
    .action((query: string | undefined, flags: DemoFlags) => run(flags, (context) => demo(context, query, flags)));
}

async function demo(shell: Context, argument: string | undefined, flags: DemoFlags): Promise<Report> {
  const context = { ...shell, indexes: join(shell.config.cacheDir, 'demo') };
  const llm = await createLlm(flags, context);
  const { examples } = await readExamples(join(DATA, 'train.jsonl'));
  const { examples: test } = await readExamples(join(DATA, 'test.jsonl'));
  const queries =
    argument === undefined ? test.slice(0, SHOWN_QUERIES) : [{ input: await readText(context, argument) }];
  const prepare = async (index: (typeof INDEXES)[keyof typeof INDEXES]): Promise<void> => {
    context.log.info(`index of ${examples.length} messages: ${index.name}`);
    await ensureIndex({
      ...index,
      indexes: context.indexes,
      examples,
      ifDifferent: 'replace',
      ...engineOptions(flags, context),
    });
  };
  await prepare(INDEXES.embedding);
  return withSelector(context, INDEXES.embedding.name, flags, async (plain) => {
    // Something to read while the other index chooses.
    context.log.info(await firstAnswer(queries[0]!, plain));
    await prepare(INDEXES.fungi);
    hintOfEncoders(flags, context);
    return withSelector(context, INDEXES.fungi.name, flags, async (fungi) => {
      const shown: Shown[] = [];
      let failure: FungiError | undefined;
      for (const query of queries) {
        const each = await show(query, plain, fungi, llm, failure);
        if (each.answer.kind === 'failed') failure = each.answer.error;
        shown.push(each);
      }
      const accuracy = { embedding: await accuracyOf(plain, test), fungi: await accuracyOf(fungi, test) };
      const encoder = fungi.manifest.encoder.id;
      return {
        text: [
          `${examples.length} messages to a library's help desk, ${fungi.labels.length} labels, encoder ${encoder}`,
          ...shown.map((each, i) => {
            const title = argument === undefined ? `Query ${i + 1}` : 'Your query';
            return showQuery(each, title, i === 0, llm, Math.min(context.columns, WIDEST));
          }),
          showChoice(fungi.manifest),
          showAccuracy(accuracy),
        ].join('\n\n'),
        ...(failure && { error: failure }),
        json: {
          encoder,
          by: llm === undefined ? 'vote' : 'llm',
          llm: llm?.settings.model ?? null,
          queries: shown.map((each) => toJson(each, llm)),
          accuracy,
        },
      };
    });
  });
}

/** By the plain embedding, since there is no other yet. */
async function firstAnswer({ input }: Query, plain: FungiSelector): Promise<string> {
  const { label, votes, total } = majorityVote(votersOf(await plain.select(input, { k: K })));
  return `first answer, ${votes} of ${total} votes by the plain embedding: "${oneLine(input)}" is ${label}`;
}

interface Shown {
  readonly query: Query;
  readonly embedding: readonly SelectedExample[];
  readonly fungi: readonly SelectedExample[];
  readonly prompt: readonly ChatMessage[];
  readonly answer: Answer;
  readonly vote: Vote;
}

/** @param failure of the LLM at an earlier query: it is not asked again */
async function show(
  query: Query,
  plain: FungiSelector,
  fungi: FungiSelector,
  llm: LlmClient | undefined,
  failure: FungiError | undefined,
): Promise<Shown> {
  const options = { k: K, template: TEMPLATE };
  const selection = await fungi.select(query.input, options);
  const { messages } = await fungi.promptFrom(selection, options);
  let answer: Answer;
  try {
    if (failure !== undefined) throw failure;
    ({ answer } = await fungi.answerFrom(selection, { ...options, ...(llm && { llm }) }));
  } catch (error) {
    if (!FungiError.is(error) || !error.code.startsWith('LLM_')) throw error;
    answer = { kind: 'failed', error };
  }
  return {
    query,
    embedding: (await plain.select(query.input, options)).examples,
    fungi: selection.examples,
    prompt: messages,
    answer,
    vote: majorityVote(votersOf(selection)),
  };
}

interface Accuracy extends Interval {
  readonly n: number;
  readonly correct: number;
  readonly accuracy: number;
}

async function accuracyOf(selector: FungiSelector, test: readonly Query[]): Promise<Accuracy> {
  const selections = await selector.selectBatch(
    test.map(({ input }) => input),
    { k: K },
  );
  const correct = selections.filter(
    (selection, i) =>
      majorityVote(votersOf(selection), selection.voters === undefined ? TIES : 'nearest').label === test[i]!.label,
  ).length;
  return { n: test.length, correct, accuracy: correct / test.length, ...wilson(correct, test.length) };
}

const COLUMNS: readonly Column[] = [
  { title: '', align: 'right' },
  { title: '' },
  { title: 'plain embedding' },
  { title: '', flexible: true },
  { title: '' },
  { title: 'by what the index chose' },
  { title: '', flexible: true },
];

function showQuery(
  { query, embedding, fungi, prompt, answer, vote }: Shown,
  title: string,
  withPrompt: boolean,
  llm: LlmClient | undefined,
  columns: number,
): string {
  const mark = ({ label }: SelectedExample): string => (label === query.label ? '*' : '');
  const rows = fungi.map((example, i) => {
    const other = embedding[i]!;
    return [String(i + 1), mark(other), other.label, other.input, mark(example), example.label, example.input];
  });
  const own = (list: readonly SelectedExample[]): number => list.filter(({ label }) => label === query.label).length;
  const truth =
    query.label === undefined
      ? []
      : [
          `* has the query's own label, ${query.label}: ${own(embedding)} under the embedding, ${own(fungi)} by what the index chose`,
        ];
  return [
    `=== ${title}: ${oneLine(query.input)}`,
    [table(COLUMNS, rows, columns), ...truth].join('\n'),
    ...(withPrompt ? [`--- The prompt, filled with the examples on the right:\n${showMessages(prompt)}`] : []),
    `--- Answer: ${answerLines(answer, vote, llm)}`,
  ].join('\n\n');
}

/** When the LLM fails, the examples' vote stands beside the reason. */
function answerLines(answer: Answer, vote: Vote, llm: LlmClient | undefined): string {
  if (answer.kind !== 'failed') return `${answerLine(answer)}\nby ${nameOf(llm)}`;
  const { label, votes, total } = vote;
  return `${label}\nby majority vote of the nearest examples, ${votes} of ${total}: ${nameOf(llm)} failed: ${oneLine(answer.error.message)}`;
}

function showChoice(manifest: Manifest): string {
  const lines = manifestLines(manifest).filter(([name]) => CHOICE.includes(name));
  return `=== What the index chose on its examples\n\n${pairs(lines)}`;
}

function showAccuracy({ embedding, fungi }: { readonly embedding: Accuracy; readonly fungi: Accuracy }): string {
  const line = (name: string, { accuracy, correct, n, low, high }: Accuracy): string[] => [
    name,
    `${percent(accuracy)} %`,
    `${correct} of ${n}`,
    `95 %: ${percent(low)} to ${percent(high)}`,
  ];
  const rows = [line('plain embedding', embedding), line('chosen', fungi)];
  const columns = rows[0]!.map(() => ({ title: '' }));
  return `=== Accuracy on all ${counted(embedding.n, 'test message')}, by vote, as \`fungi eval knn --features embedding,auto\` counts\n\n${table(columns, rows)}\n\n"expected" counts the index's own examples, held out in turn; these are other messages, so few that they tell little either way: measure on your own data with \`fungi eval knn --features embedding,auto\`.`;
}

function toJson({ query, embedding, fungi, prompt, answer, vote }: Shown, llm: LlmClient | undefined): object {
  const list = (examples: readonly SelectedExample[]): object[] =>
    examples.map(({ rank, label, input, distance }) => ({ rank, label, input, distance }));
  return {
    query: query.input,
    truth: query.label ?? null,
    embedding: list(embedding),
    fungi: list(fungi),
    prompt,
    answer: {
      by: llm === undefined ? 'vote' : 'llm',
      label: null,
      ...answer,
      ...(answer.kind === 'failed' && { error: { code: answer.error.code, message: answer.error.message } }),
      vote: { label: vote.label, votes: vote.votes, total: vote.total },
    },
  };
}
