/** What an ablation says of runs that are written out here. */
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { Ablation, AblationRun } from '../../../src/eval/ablate/ablate.js';
import { ablationReport, ablationTable } from '../../../src/eval/ablate/ablation-report.js';
import type { Factor } from '../../../src/eval/ablate/factors.js';
import { levelsCrossed, levelsOneAtATime, type Level } from '../../../src/eval/ablate/levels.js';
import { holm } from '../../../src/eval/measures/significance.js';

const N = 200;
const truth = Array.from({ length: N }, (_, i) => (i % 2 === 0 ? 'a' : 'b'));

/** A run that is wrong on `wrong` of the queries, from query `from` on. */
function runOf(
  level: Level,
  features: string,
  wrong: number,
  { from = 0, key = `${level.name} ${features}`, seconds = null as number | null } = {},
): AblationRun {
  const correct = truth.map((_, i) => i < from || i >= from + wrong);
  const predicted = truth.map((label, i) => (correct[i] ? label : label === 'a' ? 'b' : 'a'));
  const run = { features, seed: 0, shots: null, pool: 50, correct, predicted, dims: 8, seconds: 1 };
  return { level, features, runs: [run], key, secondsPerText: seconds };
}

const ablation = (runs: readonly AblationRun[], failed: Ablation['failed'] = []): Ablation => ({
  ...{ runs, failed },
  truncated: { train: 0, test: 0 },
});

const factors: Factor[] = [
  { name: 'head', levels: ['none', 'linear'] },
  { name: 'temperature', levels: ['1', '5'] },
];
const defaults = { head: 'linear', temperature: '15' };
const [base, none, one, five] = levelsOneAtATime(factors, { defaults, common: {} }) as [Level, Level, Level, Level];
const options = { factors, crossed: false, truth };

describe('ablationReport', () => {
  it('holds every level against the default setting, corrected over all', () => {
    const runs = [
      runOf(base, 'kl', 20),
      runOf(none, 'kl', 80),
      runOf(one, 'kl', 24),
      runOf(five, 'kl', 20, { from: 5 }),
    ];
    const { rows, comparisons } = ablationReport(ablation(runs), options);
    expect(rows.map(({ accuracy }) => accuracy)).toEqual([0.9, 0.6, 0.88, 0.9]);
    expect(rows[0]!.difference).toBeNull();
    expect(rows[1]!.difference!.difference).toBeCloseTo(-0.3);
    expect(rows[3]!.difference!.difference).toBe(0);
    expect(comparisons).toBe(3);
    expect(rows.slice(1).map(({ difference }) => difference!.adjusted)).toEqual(
      holm(rows.slice(1).map(({ difference }) => difference!.p)),
    );
    for (const { low, high, accuracy } of rows) {
      expect(low).toBeLessThan(accuracy);
      expect(high).toBeGreaterThan(accuracy);
    }
  });

  it('says of each factor which level is best, and whether that is more than chance', () => {
    const runs = [
      ...[runOf(base, 'only:kl', 30), runOf(base, 'kl', 20)],
      ...[runOf(none, 'only:kl', 90), runOf(none, 'kl', 18)],
      ...[runOf(one, 'only:kl', 30, { from: 3 }), runOf(one, 'kl', 21)],
    ];
    const failure = { level: five, error: new FungiError('OP_UNSUPPORTED', 'no') };
    const { findings, failed } = ablationReport(ablation(runs, [failure]), options);
    expect(findings).toEqual([
      'head: best is with only:kl linear (85.0 %), with kl none (91.0 %); significantly different from linear at 5 %: with only:kl none by -30.0 points (p < 0.001).',
      'temperature: best is with only:kl 15 (85.0 %), with kl 15 (90.0 %); no difference from 15 is significant at 5 % (lowest p = 1.000); failed: temperature=5.',
    ]);
    expect(failed).toEqual([{ level: 'temperature=5', factor: 'temperature', code: 'OP_UNSUPPORTED', message: 'no' }]);
  });

  it('compares no run with itself, and equal ones once', () => {
    const runs = [
      runOf(base, 'embedding', 20, { key: 'e' }),
      runOf(none, 'embedding', 20, { key: 'e' }),
      runOf(one, 'embedding', 25, { key: 'f' }),
      runOf(five, 'embedding', 25, { key: 'f' }),
    ];
    const { rows, comparisons, findings } = ablationReport(ablation(runs), options);
    expect(comparisons).toBe(1);
    expect(rows.map(({ sameAs }) => sameAs)).toEqual([null, 'default', null, 'temperature=1']);
    expect(rows[1]!.difference).toBeNull();
    expect(rows[3]!.difference).toEqual(rows[2]!.difference);
    expect(findings[0]).toBe('head: best is linear (90.0 %); nothing was compared with linear.');
  });

  it('holds feature sets that are levels against that of the default setting', () => {
    const sets: Factor[] = [{ name: 'features', levels: ['kl', 'embedding'] }];
    const [kl, embedding] = levelsOneAtATime(sets, { defaults: { features: 'kl' }, common: {} }) as [Level, Level];
    const runs = [runOf(kl, 'kl', 20), runOf(embedding, 'embedding', 60)];
    const { rows, findings } = ablationReport(ablation(runs), { ...options, factors: sets });
    expect(rows[1]!.difference!.difference).toBeCloseTo(-0.2);
    expect(findings).toEqual([
      'features: best is kl (90.0 %); significantly different from kl at 5 %: embedding by -20.0 points (p < 0.001).',
    ]);
  });

  it('says one thing of crossed factors', () => {
    const crossed = levelsCrossed([factors[0]!, { name: 'temperature', levels: ['15', '1'] }], {
      defaults,
      common: {},
    });
    const runs = crossed.map((level, i) => runOf(level, 'kl', [20, 19, 22, 80][i]!));
    const { findings } = ablationReport(ablation(runs), { ...options, crossed: true });
    expect(crossed.map(({ name }) => name)).toEqual([
      'default',
      'head=none, temperature=15',
      'head=none, temperature=1',
      'head=linear, temperature=1',
    ]);
    expect(findings).toEqual([
      'head × temperature: best is head=none, temperature=15 (90.5 %); significantly different from head=linear, temperature=15 at 5 %: head=linear, temperature=1 by -30.0 points (p < 0.001).',
    ]);
  });

  it('takes seeds together', () => {
    const [first, second] = [runOf(base, 'kl', 20), runOf(base, 'kl', 40)];
    const runs = [
      { ...first, runs: [...first.runs, ...second.runs] },
      { ...runOf(none, 'kl', 20), runs: [...runOf(none, 'kl', 10).runs, ...runOf(none, 'kl', 30).runs] },
    ];
    const { rows } = ablationReport(ablation(runs), options);
    expect(rows[0]).toMatchObject({ seeds: 2, lowestSeed: 0.8, highestSeed: 0.9, accuracy: 0.85 });
    expect(rows[1]!.difference!.difference).toBeCloseTo(0.05);
  });
});

describe('ablationTable', () => {
  const runs = [runOf(base, 'kl', 20, { seconds: 0.01 }), runOf(none, 'kl', 80), runOf(one, 'kl', 24)];
  const report = ablationReport(
    ablation(runs, [{ level: five, error: new FungiError('OP_UNSUPPORTED', 'no') }]),
    options,
  );

  it('has the levels of each factor in the order given, the default among them', () => {
    const { titles, rows } = ablationTable(report, options);
    expect(titles).toEqual([
      'factor',
      'level',
      'features',
      'accuracy %',
      '95 %',
      'difference',
      '95 %',
      'p',
      'ms/text',
      'dims',
    ]);
    expect(rows.map((row) => row.slice(0, 4))).toEqual([
      ['head', 'none', 'kl', '60.0'],
      ['head', 'linear*', 'kl', '90.0'],
      ['temperature', '15*', 'kl', '90.0'],
      ['temperature', '1', 'kl', '88.0'],
      ['temperature', '5', 'OP_UNSUPPORTED'],
    ]);
    expect(rows[1]!.slice(5)).toEqual(['', '', '', '10.0', '8']);
    expect(rows[0]!.slice(5, 8)).toEqual(['-30.0', expect.stringMatching(/^-3\d\.\d to -2\d\.\d$/), '< 0.001']);
  });

  it('has a column for each factor where they are crossed', () => {
    const { titles, rows } = ablationTable(report, { ...options, crossed: true });
    expect(titles.slice(0, 3)).toEqual(['head', 'temperature', 'features']);
    expect(rows.map((row) => row.slice(0, 2))).toEqual([
      ['linear*', '15*'],
      ['none', '15'],
      ['linear', '1'],
      ['temperature=5: OP_UNSUPPORTED'],
    ]);
  });
});
