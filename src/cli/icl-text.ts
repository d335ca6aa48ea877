/** What `fungi eval icl` tells people: the verdict, accuracies, then what it took; of a dry run what it would take. */
import { pText } from '../eval/compare/compare-report.js';
import type { DataCounts } from '../eval/data/data-counts.js';
import type { DryRun, Estimate } from '../eval/icl/dry-run.js';
import type { IclReport, IclSummary, Usage } from '../eval/icl/icl-report.js';
import { amountText as money, type Prices } from '../eval/icl/spending.js';
import { dataLines } from './classify-text.js';
import { bytes, counted, oneLine, pairs, percent, table } from './output.js';

interface Setting {
  readonly llm: { readonly model: string };
  readonly template: string;
  readonly encoder: { readonly id: string } | null;
  readonly prices: Prices | null;
  readonly selectors: readonly string[];
  readonly k: number;
  readonly seeds: number;
  /** Null where prompts hold none. */
  readonly media: { readonly tokens: number | null } | null;
  readonly data: DataCounts;
  readonly fingerprint: string;
}

interface ShownReport extends IclReport, Setting {
  readonly k: number;
  readonly seeds: number;
  readonly verdict: string;
  readonly stopped: { readonly message: string } | null;
}

/** Of a reply off the list. */
const SHOWN_CHARACTERS = 60;

type Cells = readonly (readonly [title: string, cell: (summary: IclSummary) => string])[];

const share = (fraction: number | null): string => (fraction === null ? '' : percent(fraction));
const about = (value: number | null, digits: number, { estimated }: IclSummary): string =>
  value === null ? '' : `${estimated > 0 ? '~' : ''}${value.toFixed(digits)}`;

const SCORES: Cells = [
  ['selector', ({ selector }) => selector],
  ['LLM %', ({ accuracy }) => share(accuracy)],
  ['95 %', ({ low, high }) => (low === null ? '' : `${share(low)} to ${share(high)}`)],
  ['gain', ({ gain }) => (gain === undefined ? '' : signed(gain.difference))],
  ['95 %', ({ gain }) => (gain === undefined ? '' : `${signed(gain.low)} to ${signed(gain.high)}`)],
  ['p', ({ gain }) => (gain === undefined ? '' : pText(gain.adjusted).replace(/^p (?:= )?/, ''))],
  ['macro-F1', ({ macroF1 }) => share(macroF1)],
  ['per class', ({ meanPerClass }) => share(meanPerClass)],
  ['vote %', ({ voteAccuracy }) => share(voteAccuracy)],
  ['replies', ({ replies }) => String(replies)],
  ['off list', ({ offList }) => String(offList)],
  ['failed', ({ failed }) => String(failed)],
];
const EFFORT: Cells = [
  ['selector', ({ selector }) => selector],
  ['examples', ({ examples }) => (examples === null ? '' : examples.toFixed(1))],
  ['prompt tokens', (own) => about(own.promptTokens, 0, own)],
  ['reply tokens', (own) => about(own.completionTokens, 1, own)],
  ['calls', ({ calls }) => String(calls)],
  ['cached', ({ cached }) => String(cached)],
  ['p50 ms', ({ latencyMs }) => (latencyMs === null ? '' : latencyMs.p50.toFixed(0))],
  ['p95 ms', ({ latencyMs }) => (latencyMs === null ? '' : latencyMs.p95.toFixed(0))],
  [
    'cost/query',
    (own) => (own.costPerQuery === null ? '' : `${own.estimated > 0 ? '~' : ''}${money(own.costPerQuery)}`),
  ],
];
const LEGEND =
  'LLM %: right, of replies; off list: replies that are no label, counted wrong; failed: calls without a reply, in no figure; ' +
  'p: two-sided, corrected for the number of comparisons; vote %: right by vote of the same examples';
const EFFORT_LEGEND =
  'tokens and cost are means of a query; cached: replies kept from an earlier run, or to an equal prompt; latency is that of the calls ' +
  'that made the replies, in this run or earlier';

export function iclText(report: ShownReport): string {
  const { summary, queries, unasked, leaked, stopped, usage, requests, lost, data } = report;
  const failures = summary.filter(({ failed }) => failed > 0);
  const unleaked = summary.map(
    (each) => `${each.selector} ${each.accuracyUnleaked === null ? 'none left' : percent(each.accuracyUnleaked)}`,
  );
  return [
    report.verdict,
    '',
    `${settingLine(report)}, gain over ${report.baseline}, ${queries} of ${queries + unasked} queries asked`,
    shown(SCORES, summary),
    LEGEND,
    ...failures.map((each) => `failed with ${each.selector}: ${codes(each)}`),
    ...summary
      .filter(({ offList }) => offList > 0)
      .map((each) => `off the list with ${each.selector}: ${offListText(each)}`),
    ...(leaked > 0 ? [`LLM % without the queries that are in the pool: ${unleaked.join(', ')}`] : []),
    '',
    shown(EFFORT, summary),
    EFFORT_LEGEND,
    `this run: ${counted(requests, 'request')}${lost > 0 ? ` (${lost} without an answer)` : ''}, ${usageText(usage.run)}; all replies: ${usageText(usage.all)}`,
    ...(summary.some(({ estimated }) => estimated > 0)
      ? [
          `~: estimated, since the endpoint did not tell the tokens of every reply${report.media?.tokens === null ? '; images or sounds are not counted in it (--media-tokens)' : ''}`,
        ]
      : []),
    ...(stopped === null ? [] : [`stopped: ${stopped.message}`]),
    ...dataLines(data, report.encoder),
    `fingerprint: ${report.fingerprint}`,
  ].join('\n');
}

export function dryRunText({ dryRun, ...setting }: Setting & { readonly dryRun: DryRun }): string {
  const { prompts, distinct, unmade, kept, calls, promptTokens, completionTokens, media, cost, mostCost } = dryRun;
  const uncounted = media !== null && media.tokens === null;
  return [
    `Dry run: nobody was asked. ${settingLine(setting)}`,
    '',
    pairs([
      ['prompts', `${prompts}, ${distinct} of them different`],
      ...(unmade > 0 ? [['do not fit the budget', String(unmade)] as const] : []),
      ['replies kept', String(kept)],
      ['calls needed', String(calls)],
      ...(media === null ? [] : [['images or sounds', mediaText(media)] as const]),
      ['prompt tokens', `${rangeText(promptTokens, String)}${uncounted ? ', of the text alone' : ''}`],
      ['reply tokens', `${rangeText(completionTokens, String)}, were each reply a label`],
      [
        'cost',
        cost === null
          ? 'unknown: give --price-input and --price-output'
          : `${rangeText(cost, money)}${uncounted ? ', of the text alone' : ''}`,
      ],
      ...(mostCost === null ? [] : [['cost at most', `${money(mostCost)}, no call made twice`] as const]),
    ]),
    'tokens are estimated: four ASCII characters or one other character a token; the range is where English prompts lie',
    ...dataLines(setting.data, setting.encoder),
    `fingerprint: ${setting.fingerprint}`,
  ].join('\n');
}

const mediaText = ({ parts, bytes: size, tokens }: NonNullable<DryRun['media']>): string =>
  `${parts} (${bytes(size)}), ${tokens === null ? 'no tokens counted for them: give --media-tokens' : `${tokens} tokens each`}`;

function settingLine({ llm, template, encoder, k, seeds, data }: Setting): string {
  const model = encoder === null ? '' : `${encoder.id}, `;
  return `${model}${llm.model} at temperature 0, template ${template}: k = ${k}, ${counted(data.train, 'pool row')}, ${data.test === 1 ? '1 query' : `${data.test} queries`}, ${counted(data.labels, 'label')}, ${counted(seeds, 'seed')}`;
}

const shown = (cells: Cells, summary: readonly IclSummary[]): string =>
  table(
    cells.map(([title], i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) })),
    summary.map((each) => cells.map(([, cell]) => cell(each))),
  );

function usageText({ replies, promptTokens, completionTokens, estimated, cost }: Usage): string {
  const made = replies === 1 ? '1 reply' : `${replies} replies`;
  const tokens = `${promptTokens} prompt and ${completionTokens} reply tokens${estimated > 0 ? ` (estimated for ${estimated})` : ''}`;
  return `${made}, ${tokens}${cost === null ? '' : `, cost ${money(cost)}`}`;
}

/** The most frequent replies, shortened. */
const offListText = ({ offListReplies, offList }: IclSummary): string => {
  const shown = offListReplies.map(({ reply, count }) => `"${shorten(oneLine(reply))}" ${count}`);
  const others = offListReplies.reduce((sum, { count }) => sum - count, offList);
  return [...shown, ...(others > 0 ? [`others ${others}`] : [])].join(', ');
};

const shorten = (text: string): string =>
  Array.from(text).length <= SHOWN_CHARACTERS ? text : `${Array.from(text).slice(0, SHOWN_CHARACTERS).join('')}…`;

const codes = ({ failures }: IclSummary): string =>
  Object.entries(failures)
    .map(([code, count]) => `${code} ${count}`)
    .join(', ');

const rangeText = ({ estimate, low, high }: Estimate, show: (value: number) => string): string =>
  `about ${show(estimate)} (${show(low)} to ${show(high)})`;

const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
