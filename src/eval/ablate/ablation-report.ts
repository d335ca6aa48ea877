/** What an ablation found: each level held against the default setting, corrected over all of them, and a sentence for each factor. */
import { pText } from '../compare/compare-report.js';
import {
  pairedGains,
  predictionScores,
  type Gain,
  type PredictionPair,
  type PredictionScores,
} from '../compare/scores.js';
import type { Ablation, AblationRun } from './ablate.js';
import type { Factor, FactorName, Values } from './factors.js';

/** One feature set at one level, over all seeds. Names and units are fixed: this is read by other programs. */
export interface AblationRow extends PredictionScores {
  readonly level: string;
  /** The one that is varied; null for the default setting, and where factors are crossed. */
  readonly factor: FactorName | null;
  /** Of every varied factor the level it has here. */
  readonly varied: Values;
  readonly isDefault: boolean;
  readonly features: string;
  readonly seeds: number;
  /** The worst and the best seed. */
  readonly lowestSeed: number;
  readonly highestSeed: number;
  /** Of the reduced features, first seed. */
  readonly dims: number;
  /** From the default setting; null for itself and what is the same run. */
  readonly difference: Gain | null;
  /** An earlier level that is the very same run, since nothing that differs is in these features. */
  readonly sameAs: string | null;
  /** To make the features of a text, where that was timed. */
  readonly secondsPerText: number | null;
}

export interface FailedRow {
  readonly level: string;
  readonly factor: FactorName | null;
  readonly code: string;
  readonly message: string;
}

export interface AblationReport {
  readonly rows: readonly AblationRow[];
  readonly failed: readonly FailedRow[];
  /** Differences that p is corrected for. */
  readonly comparisons: number;
  /** For each factor, or for all where they are crossed, which level is best and whether that is more than chance. */
  readonly findings: readonly string[];
}

export interface AblationReportOptions {
  readonly factors: readonly Factor[];
  readonly crossed: boolean;
  /** Labels of the test rows [n]. */
  readonly truth: readonly string[];
}

/** @throws {FungiError} INVALID_ARGUMENT for no test rows */
export function ablationReport({ runs, failed }: Ablation, options: AblationReportOptions): AblationReport {
  const differences = differencesOf(runs);
  const rows = runs.map((run, i) => {
    const { level, features, key } = run;
    const bySeed = run.runs.map(({ correct }) => correct.filter(Boolean).length / correct.length);
    return {
      ...{ level: level.name, factor: level.factor, varied: level.varied, isDefault: level.isDefault, features },
      ...predictionScores(options.truth, run.runs),
      seeds: run.runs.length,
      lowestSeed: Math.min(...bySeed),
      highestSeed: Math.max(...bySeed),
      dims: run.runs[0]!.dims,
      difference: differences.get(comparisonKey(run, runs)) ?? null,
      sameAs: runs.slice(0, i).find((other) => other.key === key && other.features === features)?.level.name ?? null,
      secondsPerText: run.secondsPerText,
    };
  });
  const failures = failed.map(({ level, error }) => ({
    ...{ level: level.name, factor: level.factor, code: error.code, message: error.message },
  }));
  const found = { rows, failed: failures, comparisons: differences.size };
  return { ...found, findings: findings(found, options) };
}

/** The default setting's run of the same feature set; its only one, where sets are levels themselves. */
function defaultOf({ features }: AblationRun, runs: readonly AblationRun[]): AblationRun {
  const defaults = runs.filter(({ level }) => level.isDefault);
  return defaults.find((run) => run.features === features) ?? defaults[0]!;
}

const comparisonKey = (run: AblationRun, runs: readonly AblationRun[]): string =>
  JSON.stringify([defaultOf(run, runs).key, run.key]);

/** Each pair of different runs is compared once. */
function differencesOf(runs: readonly AblationRun[]): Map<string, Gain> {
  const pairs = new Map<string, PredictionPair>();
  for (const run of runs) {
    const base = defaultOf(run, runs);
    const key = comparisonKey(run, runs);
    if (run.key === base.key || pairs.has(key)) continue;
    pairs.set(key, { selector: `${run.level.name} ${run.features}`, baseline: base.runs, own: run.runs });
  }
  const gains = pairedGains([...pairs.values()]);
  return new Map([...pairs.keys()].map((key, i) => [key, gains[i]!]));
}

/** Differences that chance brings about less often than this, after correction, are called significant. */
const SIGNIFICANT = 0.05;

function findings(report: Omit<AblationReport, 'findings'>, { factors, crossed }: AblationReportOptions): string[] {
  if (crossed) return [finding(report, factors.map(({ name }) => name).join(' × '), null)];
  return factors.map(({ name }) => finding(report, name, name));
}

/** @param factor the one it is about; null for all together */
function finding(report: Omit<AblationReport, 'findings'>, title: string, factor: FactorName | null): string {
  const rows = report.rows.filter((row) => row.isDefault || factor === null || row.factor === factor);
  const failed = report.failed.filter((row) => factor === null || row.factor === factor);
  const label = (row: AblationRow): string => (factor === null ? levelsText(row.varied) : row.varied[factor]!);
  const sets = factor === 'features' ? [null] : [...new Set(rows.map(({ features }) => features))];
  const within = (set: string | null): string => (set === null || sets.length === 1 ? '' : `with ${set} `);
  const best = sets.map((set) => {
    const own = rows.filter(({ features }) => set === null || features === set);
    const top = own.reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
    return `${within(set)}${label(top)} (${percent(top.accuracy)} %)`;
  });
  const base = label(rows.find(({ isDefault }) => isDefault)!);
  const compared = rows.flatMap((row) =>
    row.difference === null || (row.sameAs !== null && factor === null) ? [] : [{ ...row, difference: row.difference }],
  );
  const significant = compared.filter(({ difference }) => difference.adjusted < SIGNIFICANT);
  const told = significant.map(
    (row) =>
      `${within(factor === 'features' ? null : row.features)}${label(row)} by ${signed(row.difference.difference)} points (${pText(row.difference.adjusted)})`,
  );
  const least = Math.min(...compared.map(({ difference }) => difference.adjusted));
  const verdict =
    compared.length === 0
      ? `nothing was compared with ${base}`
      : told.length === 0
        ? `no difference from ${base} is significant at 5 % (lowest ${pText(least)})`
        : `significantly different from ${base} at 5 %: ${told.join(', ')}`;
  const lost = failed.length === 0 ? '' : `; failed: ${failed.map(({ level }) => level).join(', ')}`;
  return `${title}: best is ${best.join(', ')}; ${verdict}${lost}.`;
}

/** "head=none, normalise=false" */
const levelsText = (values: Values): string =>
  Object.entries(values)
    .map(([name, level]) => `${name}=${level}`)
    .join(', ');

export interface AblationTable {
  readonly titles: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The rows as people read them, the default setting marked by a star: by factor, or a column for each where they are crossed. */
export function ablationTable(
  { rows, failed }: AblationReport,
  { factors, crossed }: AblationReportOptions,
): AblationTable {
  const shown = shownCells(rows);
  const star = (text: string, { isDefault }: AblationRow): string => (isDefault ? `${text}*` : text);
  if (crossed) {
    return {
      titles: [...factors.map(({ name }) => name), ...shown.titles],
      rows: [
        ...rows.map((row) => [...factors.map(({ name }) => star(row.varied[name]!, row)), ...shown.cells(row)]),
        ...failed.map(({ level, code }) => [`${level}: ${code}`]),
      ],
    };
  }
  return {
    titles: ['factor', 'level', ...shown.titles],
    rows: factors.flatMap(({ name, levels }) => {
      const base = rows.find(({ isDefault }) => isDefault)!.varied[name]!;
      const order = levels.includes(base) ? levels : [base, ...levels];
      return order.flatMap((level) => [
        ...rows
          .filter((row) => row.varied[name] === level && (row.isDefault || row.factor === name))
          .map((row) => [name, star(level, row), ...shown.cells(row)]),
        ...failed.filter((row) => row.level === `${name}=${level}`).map(({ code }) => [name, level, code]),
      ]);
    }),
  };
}

/** Columns beside the levels; those that say nothing are left out. */
function shownCells(rows: readonly AblationRow[]): { titles: string[]; cells: (row: AblationRow) => string[] } {
  const columns: [title: string, cell: (row: AblationRow) => string][] = [
    ['features', ({ features }) => features],
    ['accuracy %', ({ accuracy }) => percent(accuracy)],
    ['95 %', ({ low, high }) => `${percent(low)} to ${percent(high)}`],
    [
      'seeds',
      ({ seeds, lowestSeed, highestSeed }) => (seeds === 1 ? '' : `${percent(lowestSeed)} to ${percent(highestSeed)}`),
    ],
    [
      'difference',
      (row) => (row.difference === null ? (row.sameAs === null ? '' : 'same') : signed(row.difference.difference)),
    ],
    [
      '95 %',
      ({ difference }) => (difference === null ? '' : `${signed(difference.low)} to ${signed(difference.high)}`),
    ],
    ['p', ({ difference }) => (difference === null ? '' : pText(difference.adjusted).replace(/^p (?:= )?/, ''))],
    ['ms/text', ({ secondsPerText }) => (secondsPerText === null ? '' : (1000 * secondsPerText).toPrecision(3))],
    ['dims', ({ dims }) => String(dims)],
  ];
  const told = columns.filter(([, cell]) => rows.some((row) => cell(row) !== ''));
  return { titles: told.map(([title]) => title), cells: (row) => told.map(([, cell]) => cell(row)) };
}

const percent = (fraction: number): string => (100 * fraction).toFixed(1);
const signed = (fraction: number): string => `${fraction < 0 ? '' : '+'}${percent(fraction)}`;
