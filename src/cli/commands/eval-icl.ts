/** `fungi eval icl`: which selector of examples makes an LLM answer best, and what it costs. */
import { InvalidArgumentError, type Command } from 'commander';
import { ERRORS, FungiError } from '../../core/errors.js';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import type { Comparison } from '../../eval/compare/compare.js';
import type { Modality } from '../../core/item.js';
import { countData } from '../../eval/data/data-counts.js';
import { modalityOfAll } from '../../eval/data/media.js';
import { rowsFingerprint } from '../../eval/data/rows-fingerprint.js';
import { drawPools } from '../../eval/data/pools.js';
import type { Replies } from '../../eval/icl/ask.js';
import type { MapInput } from '../../eval/report/facts/pool-map.js';
import type { TruncatedRows } from '../../eval/classify/classify.js';
import type { PlanMedia, PromptOptions, PromptPlan } from '../../eval/icl/prompt-plan.js';
import type { Prices } from '../../eval/icl/spending.js';
import type { FeatureSpec } from '../../features/spec.js';
import type { LlmClient } from '../../llm/client.js';
import type { LoadedEngine } from '../../selector/load-engine.js';
import type { CommonOptions, Context, Report, Run } from '../context.js';
import { addDataOptions, assertWritable, readTrainAndTest, saveReport, type DataFlags } from '../eval-data.js';
import { withComparison, type CompareRunOptions } from '../compare-run.js';
import { addFeatureCacheOption, encoderIdentity, type FeatureCacheFlags } from '../feature-cache.js';
import { dryRunText, iclText } from '../icl-text.js';
import { addLlmOptions, createLlm, type LlmFlags } from '../llm-options.js';
import { addMediaOptions, mediaOptions, warnOfDropped, type MediaFlags } from '../media-options.js';
import { addReportOption, assertReportWritable, mapsOf, writePage, type ReportFlags } from '../report-page.js';
import {
  addCommonOptions,
  addEncoderOptions,
  addFeatureOptions,
  collect,
  whole,
  type EncoderFlags,
  type FeatureFlags,
} from '../options.js';
import { templateOptions, type TemplateFlags } from './prompt.js';

type SharedFlags = CommonOptions &
  EncoderFlags &
  FeatureFlags &
  FeatureCacheFlags &
  DataFlags &
  TemplateFlags &
  MediaFlags &
  LlmFlags &
  ReportFlags;

interface IclFlags extends SharedFlags {
  readonly selectors: readonly string[];
  readonly selector?: readonly string[];
  readonly baseline?: string;
  readonly k: number;
  readonly seeds: number;
  readonly template: string;
  readonly maxTokens: number;
  readonly mediaTokens?: number;
  readonly priceInput?: number;
  readonly priceOutput?: number;
  readonly maxCost?: number;
  readonly maxCalls?: number;
  readonly dryRun?: boolean;
}

const MEDIA_TOKENS =
  'tokens that the LLM makes of one image or sound at the most, for estimates and --max-cost (default: they are not counted)';

export function addEvalIcl(evaluation: Command, run: Run): void {
  const command = addDataOptions(
    evaluation
      .command('icl')
      .description('selectors of examples by what an LLM answers with them, with accuracies, cost and a verdict'),
  )
    .option(
      '--selectors <list>',
      'as for `eval compare` (random, fixed, bm25, embedding, kl, mmr:kl …), and none: no examples',
      (value) => value.split(','),
      ['embedding', 'kl'],
    )
    .option('--selector <name=command>', 'a program, as for `eval compare`; may be repeated', collect)
    .option('--baseline <name>', 'what the others are held against (default: embedding, else the first)')
    .option('-k, --k <count>', 'examples in a prompt', whole(1), 20)
    .option('--seeds <count>', 'runs, with seeds 0, 1, … of the selectors', whole(1, 100), 1)
    .option('--template <name|file>', "classify (the paper's prompt), classify-chat or a template file", 'classify')
    .option('--var <name=value>', "value for one of the template's inputs; may be repeated", collect)
    .option('--max-tokens <count>', 'limit to the length of a reply; 0 sends none', whole(0), 256)
    .option('--media-tokens <count>', MEDIA_TOKENS, whole(0))
    .option('--price-input <amount>', 'price of a million prompt tokens, in any currency', amount)
    .option('--price-output <amount>', 'price of a million reply tokens', amount)
    .option('--max-cost <amount>', 'send nothing that could make this run cost more (needs both prices)', amount)
    .option('--max-calls <count>', 'send no more requests than this in this run, repeated ones included', whole(0))
    .option('--dry-run', 'count calls, tokens and cost, and ask nobody');
  addMediaOptions(command);
  addLlmOptions(addFeatureCacheOption(addFeatureOptions(addEncoderOptions(command))), { without: '' });
  addReportOption(addCommonOptions(command, { json: false }))
    .option('--json [file]', 'write the results as JSON to the file, or to stdout in place of the table')
    .addHelpText(
      'after',
      `
For each query and selector the prompt is filled with the k examples, the nearest last, and with the labels of the pool in the order of
their first appearance, and sent at temperature 0. Equal prompts are sent once. Accuracy is that of the replies: one that is no label of
the list, or was cut off, is wrong; a call that failed is neither right nor wrong, and its query is left out of that selector's figures and
of its comparison with the baseline. Intervals, p and correction are those of \`eval compare\`; "vote" is the accuracy of the examples' vote.

The work goes query by query, all selectors of one before the next. Replies are kept on disk, each before it is counted, under the exact
request: the same command makes no call twice, after Ctrl-C, a kill or a cap too (but under --no-cache). A kill loses the replies under way,
--concurrency at most. Ten failures in a row, or a first call that cannot reach the endpoint or is refused for its key, model or path, end
the run.

Caps hold for one run; replies kept from earlier ones cost nothing. Before each request, repeated ones included, what was used so far, the most
that those under way can cost (a token a byte of the prompt, --max-tokens of reply), and the most that this one can cost must stay within.
A request without an answer, or a reply whose tokens the endpoint does not tell, counts with its most. When a cap is reached, the
result is that of the queries which every selector was asked, and the exit code is 6 (BUDGET_REACHED), as it is when calls failed.

Tokens are those that the endpoint tells, and estimated where it tells none: four ASCII characters or one other character a token. English
prompts have 0.75 to 1.5 times the estimate.

Images and sounds are sent as \`fungi answer\` sends them. Each model makes tokens of them in its own way: an estimate counts them only with
--media-tokens, and --max-cost needs it.

Under --json there is, for each query, what every selector chose under every seed and what became of its prompt; no prompt is in it.

Examples:
  fungi eval icl --train train.jsonl --test test.jsonl --base-url http://127.0.0.1:8080/v1 --model llama
  fungi eval icl --train train.jsonl --test test.jsonl --selectors none,embedding,kl+simclr --encoder bert-base --limit-test 300 --dry-run
  fungi eval icl --train train.jsonl --test test.jsonl --price-input 0.15 --price-output 0.6 --max-cost 2 --json results.json
  fungi eval icl --train birds/train --test birds/test --encoder ./models/dinov2-small -k 8 --image-side 384 --media-tokens 300 --dry-run`,
    )
    .action((flags: IclFlags) => run(flags, (context) => evalIcl(context, flags)));
}

async function evalIcl(context: Context, flags: IclFlags): Promise<Report> {
  const { k, dims } = flags;
  const { onProgress } = context;
  const names = [...flags.selectors, ...(flags.selector ?? [])];
  const { iclTitles, withoutNone } = await import('../../eval/icl/icl-selectors.js');
  const { assertSelectorsRead, featureSetsOf } = await import('../../eval/compare/named-selectors.js');
  const { baselineOf } = await import('../../eval/compare/compare-report.js');
  const { Spending } = await import('../../eval/icl/spending.js');
  const { planPrompts } = await import('../../eval/icl/prompt-plan.js');
  const baseline = baselineOf(iclTitles(names), flags.baseline);
  const prices = pricesOf(flags);
  const maxTokens = flags.maxTokens === 0 ? undefined : flags.maxTokens;
  const { mediaTokens } = flags;
  const spending = new Spending({ prices, maxTokens, mediaTokens, maxCost: flags.maxCost, maxCalls: flags.maxCalls });
  const { template, variables } = await templateOptions(flags);
  const llm = await requiredLlm(flags, context, spending);
  if (typeof flags.json === 'string') await assertWritable(flags.json);
  await assertReportWritable(flags);
  const { train: pool, test: queries, split } = await readTrainAndTest(flags, context);
  const named = modalityOfAll([...pool, ...queries].map(({ input }) => input));
  assertSelectorsRead(names, named);
  spending.assertCounts(named);

  const { comparison, encoder, modality, identity, spec, truncated, maps } = await choose(context, flags, {
    names,
    pool,
    queries,
  });
  const labels = [...new Set(pool.map(({ label }) => label))];
  const { runs } = comparison;
  // An encoder says what it reads, whatever the files are called.
  const media = await planMedia(modality ?? named, flags);
  const options: PromptOptions = {
    pool,
    queries,
    runs,
    labels,
    template,
    variables,
    llm,
    maxTokens,
    media,
    onProgress,
  };
  const plan = await planPrompts(options);
  warnOfDropped(countsOf(plan, runs), context);
  // What is not there without features does not tell two runs apart.
  const protocol = {
    split: split && { ...split },
    selectors: names,
    baseline,
    k,
    seeds: flags.seeds,
    dims: encoder ? dims : null,
    maxTokens: maxTokens ?? null,
    media: media === undefined ? null : { ...media.options, tokens: mediaTokens ?? null },
  };
  const common = {
    fingerprint: fingerprint({
      ...{ encoder: identity, spec: spec as unknown as Json },
      ...{ train: rowsFingerprint(pool), test: rowsFingerprint(queries), ...protocol },
      // Template, variables, labels and examples are all in them.
      ...{ model: llm.settings.model, prompts: fingerprintLines(plan.prompts.map(({ key }) => key)) },
    }),
    ...{ llm: llm.settings, template: template.name, variables, prices: prices ?? null, encoder, spec, ...protocol },
    ...{ data: countData(pool, queries), truncated },
  };
  if (flags.dryRun === true) {
    const { dryRun } = await import('../../eval/icl/dry-run.js');
    const found = { dryRun: dryRun(plan, { labels, prices, maxTokens, mediaTokens }), ...common };
    if (flags.report !== undefined) context.log.warn('a dry run writes no report');
    return finish(flags, dryRunText(found), found);
  }
  const { askPlan } = await import('../../eval/icl/ask.js');
  const { iclReport } = await import('../../eval/icl/icl-report.js');
  const { queryAnswers } = await import('../../eval/icl/query-answers.js');
  const { iclVerdict } = await import('../../eval/icl/icl-verdict.js');
  const replies = await askPlan(plan, { ...options, concurrency: flags.concurrency });
  const found = iclReport({ comparison, queries, labels, plan, replies, k, baseline, prices, sent: spending });
  const stopped = replies.stopped ? { code: replies.stopped.code, message: replies.stopped.message } : null;
  const verdict = iclVerdict(found, llm.settings.model);
  const report = { ...found, verdict, stopped, ...common };
  const answers = queryAnswers({ comparison, queries, labels, plan, replies });
  const outcome = outcomeOf(replies, flags, found);
  const { poolRows } = await import('../../eval/compare/query-choices.js');
  const json = { ...report, poolRows: poolRows(pool), answers };
  if (flags.report === undefined) return finish(flags, iclText(report), json, outcome);
  const { compareReport } = await import('../../eval/compare/compare-report.js');
  const settings = { model: llm.settings.model, template: template.name, ...{ maxTokens: maxTokens ?? null, prices: prices ?? null, stopped } }; // prettier-ignore
  const page = {
    ...{ comparison, pool, queries, data: common.data, truncated },
    report: compareReport(comparison, {
      pool,
      queries,
      k,
      baseline,
      featureSeconds: untimed(featureSetsOf(withoutNone(names))),
    }),
    llm: { report: found, verdict, answers, settings },
  };
  const written = await writePage(flags.report, { ...page, settings: common, flags, maps }, context);
  return finish(flags, iclText(report), json, withPage(outcome, written));
}

/** How images and sounds stand in the prompts. @throws {FungiError} INVALID_ARGUMENT for options of them where there are none */
async function planMedia(modality: Modality, flags: IclFlags): Promise<PlanMedia | undefined> {
  const { POOL_SOURCE } = await import('../../eval/icl/prompt-plan.js');
  const { media: options } = mediaOptions(flags);
  const { mediaTokens: tokens } = flags;
  if (modality === 'text') {
    const { refuseMediaOptions } = await import('../../selector/media-options.js');
    refuseMediaOptions(options, POOL_SOURCE.name, modality);
    return undefined;
  }
  const { MediaPrompts } = await import('../../selector/media-prompts.js');
  return { prompts: new MediaPrompts(modality, POOL_SOURCE), options, tokens };
}

/** Of each prompt, the examples in it and those that did not fit. */
const countsOf = ({ places }: PromptPlan, runs: PromptOptions['runs']) =>
  places.flatMap((run, i) =>
    run.flatMap((place, query) =>
      FungiError.is(place) ? [] : [{ used: place.examples, dropped: runs[i]!.rows[query]!.length - place.examples }],
    ),
  );

type Outcome = Pick<Report, 'error' | 'exitCode' | 'summary'>;

/** Features of a query are not timed apart from those of the pool. */
const untimed = (sets: ReadonlyMap<string, string>): Map<string, null> =>
  new Map([...sets.keys()].map((name) => [name, null]));

/** The page is told of last; that it could not be written is told where nothing worse happened. */
function withPage(outcome: Outcome, written: string | FungiError): Outcome {
  if (FungiError.is(written)) return outcome.error === undefined ? { ...outcome, error: written } : outcome;
  const summary = `report: ${written}`;
  return { ...outcome, summary: outcome.summary === undefined ? summary : `${outcome.summary}\n${summary}` };
}

/** How the run ended, told after its result. */
function outcomeOf(
  { stopped, of }: Replies,
  { cache }: IclFlags,
  { queries, unasked }: { readonly queries: number; readonly unasked: number },
): Outcome {
  if (stopped !== undefined) {
    const isCap = stopped.code === 'BUDGET_REACHED';
    const again = cache ? 'Replies are kept: the same command goes on from them' : 'Replies were not kept (--no-cache)';
    const hint = isCap
      ? `${again}, with the same cap anew or with a higher one.`
      : `${stopped.hint ?? ''} ${again}.`.trim();
    const message = `${stopped.message}; the result is that of ${queries} of ${queries + unasked} queries`;
    return { error: new FungiError(stopped.code, message, { hint, details: stopped.details, cause: stopped }) };
  }
  const failed = of.find((reply) => reply?.kind === 'failed');
  if (failed?.kind !== 'failed') return {};
  const again = cache ? ['Run the same command again to ask for the missing replies; the others are kept.'] : [];
  return {
    exitCode: ERRORS.LLM_FAILED.exit,
    summary: [`the first failure: ${failed.error.message}`, ...again].join('\n'),
  };
}

/** Keeps the JSON where the user wants it; a file that cannot be written is told first. */
async function finish({ json }: IclFlags, text: string, report: object, outcome: Outcome = {}): Promise<Report> {
  const error = typeof json === 'string' ? await saveReport(json, report) : undefined;
  return { text, json: report, ...outcome, ...(error && { error }) };
}

interface Chosen {
  readonly comparison: Comparison;
  readonly encoder: LoadedEngine['encoder'] | null;
  /** What the encoder reads. */
  readonly modality: Modality | undefined;
  /** What tells it apart, in the fingerprint. */
  readonly identity: ReturnType<typeof encoderIdentity> | null;
  /** What the features are made with, of seed 0; null without. */
  readonly spec: FeatureSpec | null;
  readonly truncated: TruncatedRows | null;
  /** For the report, where one is asked for. */
  readonly maps: readonly MapInput[];
}

/** Lets every selector choose; the encoder is closed before the first call. */
async function choose(
  context: Context,
  flags: IclFlags,
  { names, pool, queries }: Pick<PromptOptions, 'pool' | 'queries'> & { readonly names: readonly string[] },
): Promise<Chosen> {
  const { iclSelectors, withoutNone } = await import('../../eval/icl/icl-selectors.js');
  const { featureSetsOf } = await import('../../eval/compare/named-selectors.js');
  const seeds = Array.from({ length: flags.seeds }, (_, seed) => seed);
  const pools = drawPools(
    pool.map(({ label }) => label),
    { seeds },
  );
  const sets = featureSetsOf(withoutNone(names));
  const texts = queries.map(({ input }) => input);
  const first = { pool, seed: 0, shots: null };
  const makeSelectors: CompareRunOptions['makeSelectors'] = (...options) => iclSelectors(names, ...options);
  return withComparison(context, flags, { pool, queries, pools, sets, makeSelectors }, async (run) => ({
    comparison: run.comparison,
    encoder: run.features?.loaded.encoder ?? null,
    modality: run.features?.loaded.engine.info.modality,
    identity: run.features && encoderIdentity(run.features.loaded, flags),
    spec: run.features?.spec ?? null,
    truncated: run.truncated,
    maps: flags.report === undefined ? [] : await mapsOf(run.selectors, { ...first, queries: texts, k: flags.k }),
  }));
}

/** @throws {FungiError} INVALID_ARGUMENT without an endpoint */
async function requiredLlm(...given: Parameters<typeof createLlm>): Promise<LlmClient> {
  const llm = await createLlm(...given);
  if (llm !== undefined) return llm;
  throw new FungiError('INVALID_ARGUMENT', 'there is no LLM to ask', {
    hint:
      'Give --base-url and --model, or set OPENAI_BASE_URL and OPENAI_MODEL (a dry run asks nobody, and needs them to see which replies are ' +
      'kept already); `fungi eval compare` measures the vote of the examples.',
  });
}

/** @throws {FungiError} INVALID_ARGUMENT for one price without the other */
function pricesOf({ priceInput, priceOutput }: IclFlags): Prices | undefined {
  if (priceInput !== undefined && priceOutput !== undefined) return { input: priceInput, output: priceOutput };
  if (priceInput === undefined && priceOutput === undefined) return undefined;
  throw new FungiError('INVALID_ARGUMENT', 'a cost needs both prices, --price-input and --price-output', {
    hint: 'Give 0 for what costs nothing.',
  });
}

/** A finite number from 0. */
function amount(value: string): number {
  const number = /^(?:\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : NaN;
  if (Number.isFinite(number)) return number;
  throw new InvalidArgumentError('It must be a number from 0, like 0.15.');
}
