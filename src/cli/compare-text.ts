/** What `fungi eval compare` tells people: the verdict, a table, and the data it was measured on. */
import { pText, type CompareReport, type SelectorSummary } from '../eval/compare/compare-report.js';
import type { CurvePoint } from '../eval/compare/curve.js';
import { milliseconds } from '../eval/compare/verdict.js';
import type { DataCounts } from '../eval/data/data-counts.js';
import { dataLines } from './classify-text.js';
import { counted, percent, table } from './output.js';

interface ShownReport extends CompareReport {
  readonly verdict: string;
  readonly encoder: { readonly id: string } | null;
  readonly curve: readonly CurvePoint[];
  readonly data: DataCounts;
  readonly fingerprint: string;
}

type Cells = readonly (readonly [title: string, cell: (summary: SelectorSummary) => string])[];

const CELLS: Cells = [
  ['selector', ({ selector }) => selector],
  ['accuracy %', ({ accuracy }) => percent(accuracy)],
  ['95 %', ({ low, high }) => `${percent(low)} to ${percent(high)}`],
  ['gain', ({ gain }) => (gain === undefined ? '' : signed(gain.difference))],
  ['95 %', ({ gain }) => (gain === undefined ? '' : `${signed(gain.low)} to ${signed(gain.high)}`)],
  ['p', ({ gain }) => (gain === undefined ? '' : pText(gain.adjusted).replace(/^p (?:= )?/, ''))],
  ['macro-F1', ({ macroF1 }) => percent(macroF1)],
  ['per class', ({ meanPerClass }) => percent(meanPerClass)],
  ['label hit', ({ labelHit }) => percent(labelHit)],
  ['same label', ({ sameLabel }) => percent(sameLabel)],
  ['examples', ({ examples }) => examples.toFixed(1)],
  ['ms/query', ({ secondsPerQuery }) => (secondsPerQuery === null ? '' : milliseconds(secondsPerQuery))],
];
const LEGEND =
  'p: two-sided, corrected for the number of comparisons; label hit: queries with an example of their label among the chosen; ' +
  'same label: share of the chosen with it';

export function compareText(report: ShownReport): string {
  const { summary, baseline, k, seeds, leaked, encoder, data } = report;
  const columns = CELLS.map(([title], i) => ({ title, align: i === 0 ? ('left' as const) : ('right' as const) }));
  const model = encoder === null ? '' : `${encoder.id}: `;
  const empty = summary.filter((each) => each.empty > 0);
  const unleaked = summary.map(
    ({ selector, accuracyUnleaked }) =>
      `${selector} ${accuracyUnleaked === null ? 'none left' : percent(accuracyUnleaked)}`,
  );
  return [
    report.verdict,
    '',
    `${model}k = ${k}, gain over ${baseline}, ${counted(data.train, 'pool row')}, ${data.test === 1 ? '1 query' : `${data.test} queries`}, ${counted(data.labels, 'label')}, ${counted(seeds, 'seed')}`,
    table(
      columns,
      summary.map((each) => CELLS.map(([, cell]) => cell(each))),
    ),
    LEGEND,
    ...curveLines(report.curve),
    ...(empty.length > 0
      ? [`queries for which nothing was chosen: ${empty.map((each) => `${each.selector} ${each.empty}`).join(', ')}`]
      : []),
    ...(leaked > 0 ? [`accuracy % without the queries that are in the pool: ${unleaked.join(', ')}`] : []),
    ...dataLines(data, encoder),
    `fingerprint: ${report.fingerprint}`,
  ].join('\n');
}

/** How accuracy grows with the pool; nothing where only the whole pool was asked for. */
function curveLines(curve: readonly CurvePoint[]): string[] {
  if (curve.length === 0) return [];
  const names = [...new Set(curve.map(({ selector }) => selector))];
  const kinds = curve.filter(({ selector }) => selector === names[0]);
  const titles = kinds.map(({ shots, whole }) => (whole ? 'all' : String(shots)));
  return [
    'accuracy % by examples of each label in the pool',
    table(
      ['selector', ...titles].map((title, i) => ({ title, align: i === 0 ? 'left' : 'right' })),
      names.map((name) => [
        name,
        ...curve.filter(({ selector }) => selector === name).map(({ accuracy }) => percent(accuracy)),
      ]),
    ),
  ];
}

const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
