import { describe, expect, it } from 'vitest';
import type { ClassifiedRun } from '../../../src/eval/classify/classify.js';
import { countData } from '../../../src/eval/data/data-counts.js';
import { intervalScope, runRows, summarise as summariseAll, summaryTable } from '../../../src/eval/classify/report.js';

/** Every row's label. */
const truthOf = (correct: string): string[] => Array.from(correct, () => 'a');

const result = (features: string, seed: number, correct: string, shots: number | null = null): ClassifiedRun => ({
  features,
  seed,
  shots,
  pool: 10,
  dims: 4,
  correct: Array.from(correct, (mark) => mark === '1'),
  predicted: Array.from(correct, (mark) => (mark === '1' ? 'a' : 'b')),
  seconds: 0.5,
});

const summarise = (results: readonly ClassifiedRun[]) =>
  summariseAll(
    results,
    results[0]!.correct.map(() => 'a'),
  );

describe('runRows', () => {
  it('gives accuracy as a fraction, inside its interval', () => {
    const [row] = runRows([result('kl', 3, '1110', 5)], truthOf('1110'));
    expect(row).toMatchObject({ features: 'kl', shots: 5, seed: 3, n: 4, accuracy: 0.75, seconds: 0.5 });
    expect(row!.low).toBeLessThan(0.75);
    expect(row!.high).toBeGreaterThan(0.75);
    expect(row).toMatchObject({ meanPerClass: 0.75, macroF1: expect.closeTo(6 / 7, 12) as number });
  });

  it('has the same interval in every run', () => {
    const rows = () => runRows([result('kl', 3, '1110')], truthOf('1110'));
    expect(rows()).toEqual(rows());
  });
});

describe('summarise', () => {
  it('averages over seeds and pairs the gain over the first feature set by test row', () => {
    const results = [
      ...[result('embedding', 0, '1100'), result('kl', 0, '1110')],
      ...[result('embedding', 1, '1100'), result('kl', 1, '1111')],
    ];
    const [embedding, kl] = summarise(results);
    expect(embedding).toMatchObject({
      features: 'embedding',
      seeds: 2,
      accuracy: 0.5,
      lowestSeed: 0.5,
      highestSeed: 0.5,
    });
    expect(embedding).not.toHaveProperty('gain');
    expect(kl).toMatchObject({ accuracy: 0.875, lowestSeed: 0.75, highestSeed: 1 });
    expect(kl!.gain!.difference).toBeCloseTo(0.375, 12);
    expect(kl!.gain!.low).toBeGreaterThanOrEqual(0); // no row got worse, so no resample can
  });

  it('keeps pools of different sizes apart', () => {
    const results = [
      ...[result('embedding', 0, '1000', 1), result('kl', 0, '1100', 1)],
      ...[result('embedding', 0, '1110'), result('kl', 0, '1110')],
    ];
    expect(
      summarise(results).map(({ features, shots, accuracy, gain }) => [features, shots, accuracy, gain?.difference]),
    ).toEqual([
      ['embedding', 1, 0.25, undefined],
      ['kl', 1, 0.5, 0.25],
      ['embedding', null, 0.75, undefined],
      ['kl', null, 0.75, 0],
    ]);
    const { titles, rows } = summaryTable(summarise(results), { seeds: 1, throughput: {} });
    expect(rows.map((row) => row[titles.indexOf('shots')])).toEqual(['1', '1', 'all', 'all']);
  });

  it('holds the first set against nothing, whichever it is, and every other against it', () => {
    expect(summarise([result('kl', 0, '10')])[0]).not.toHaveProperty('gain');
    const [kl, embedding] = summarise([result('kl', 0, '1100'), result('embedding', 0, '1000')]);
    expect(kl).not.toHaveProperty('gain');
    expect(embedding!.gain!.difference).toBe(-0.25);
  });

  it('tests as selectors are tested: mid-p for one seed, corrected for all comparisons on all pools', () => {
    const sets = (shots: number | null) => [
      ...[result('embedding', 0, '000000', shots), result('kl', 0, '111111', shots), result('simclr', 0, '111110', shots)], // prettier-ignore
    ];
    const gains = summarise([...sets(1), ...sets(null)]).flatMap(({ gain }) => (gain === undefined ? [] : [gain]));
    // Six discordant pairs, all won: 2·(1/64) − 1/64. Five: 1/32. Holm over four: the smaller two times 4, the others times 2.
    expect(gains.map(({ p }) => p)).toEqual(
      [1 / 64, 1 / 32, 1 / 64, 1 / 32].map((p) => expect.closeTo(p, 12) as number),
    );
    expect(gains.map(({ adjusted }) => adjusted)).toEqual([4 / 64, 2 / 32, 4 / 64, 2 / 32].map((p) => expect.closeTo(p, 12) as number)); // prettier-ignore
  });

  it('averages macro-F1 over seeds, by the labels that test rows have', () => {
    const runs = [
      { ...result('kl', 0, '1110'), predicted: ['a', 'a', 'a', 'a'] },
      { ...result('kl', 1, '1111'), predicted: ['a', 'a', 'a', 'b'] },
    ];
    // Always "a": its F1 is 6/7, that of "b" 0.
    expect(summariseAll(runs, ['a', 'a', 'a', 'b'])[0]!.macroF1).toBeCloseTo((3 / 7 + 1) / 2, 12);
  });
});

describe('intervals', () => {
  it('of few rows that are all right are no point', () => {
    // Wilson's of 6 out of 6 (statsmodels proportion_confint): 0.6097 to 1.
    const [row] = runRows([result('kl', 0, '111111', 5)], truthOf('111111'));
    expect(row).toMatchObject({ accuracy: 1, high: 1 });
    expect(row!.low).toBeCloseTo(0.6097, 4);
    const seeds = [0, 1, 2].map((seed) => result('embedding', seed, '111111'));
    expect(summarise(seeds)[0]!.low).toBeCloseTo(0.6097, 4);
  });

  it('hold what seeds add, also to a gain', () => {
    // Each seed's shots decide all: rows agree, so that drawing rows alone would find no spread at all.
    const results = ['0000', '1111', '0000', '1111'].flatMap((correct, seed) => [
      result('embedding', seed, '0000'),
      result('kl', seed, correct),
    ]);
    const kl = summarise(results)[1]!;
    expect(kl).toMatchObject({ accuracy: 0.5, low: 0, high: 1 });
    // Four seeds that disagree altogether: a standard error of 0.29 with three degrees of freedom says next to nothing.
    expect(kl.gain!.difference).toBe(0.5);
    expect([kl.gain!.low < 0, kl.gain!.high > 1]).toEqual([true, true]);
  });

  it('say that they cover test rows only where one draw of shots was measured', () => {
    const named = (seeds: number, shots: number | null): number =>
      summaryTable(summarise([result('kl', 0, '10', shots)]), { seeds, throughput: {} }).titles.filter(
        (title) => title === '95 %, test rows only',
      ).length;
    expect([named(1, 5), named(3, 5), named(1, null)]).toEqual([2, 0, 0]);
    expect([intervalScope(1), intervalScope(2)]).toEqual(['test rows', 'test rows and seeds']);
  });
});

describe('summaryTable', () => {
  it('fills every column', () => {
    const summaries = summarise([result('embedding', 0, '1100'), result('kl', 0, '1110')]);
    const { titles, rows } = summaryTable(summaries, { seeds: 1, throughput: { embedding: 84.04, kl: 80 } });
    expect(rows.every((row) => row.length === titles.length)).toBe(true);
    expect(titles.slice(0, 8)).toEqual(['features', 'accuracy %', '95 %', 'seeds', 'macro-F1', 'gain', '95 %', 'p']);
    expect(rows[0]).toEqual(['embedding', '50.0', expect.any(String), '1', '66.7', '', '', '', '4', '84.0']);
    // One discordant pair: mid-p 2·½ − ½.
    expect(rows[1]!.slice(4, 8)).toEqual(['85.7', '+25.0', expect.any(String), '0.500']);
  });

  it('shows what a classifier measured beside, averaged over seeds', () => {
    const measured = [0, 1].map((seed) => ({ ...result('kl', seed, '10'), measures: { nmi: seed / 2 } }));
    const { titles, rows } = summaryTable(summarise(measured), { seeds: 2, throughput: {} });
    expect(rows[0]![titles.indexOf('nmi')]).toBe('0.250');
  });
});

describe('countData', () => {
  it('counts repeats, leaks, conflicts and labels that cannot be found', () => {
    const row = (input: string, label: string): { input: string; label: string } => ({ input, label });
    const train = [row('a', 'x'), row('a', 'x'), row('a', 'y'), row('B  c', 'y')];
    const test = [row('a', 'x'), row('b c', 'y'), row('new', 'z'), row('new', 'z')];
    expect(countData(train, test)).toEqual({
      train: 4,
      test: 4,
      labels: 2,
      repeatedTrain: 2,
      repeatedTest: 1,
      testInTrain: 1,
      testInTrainNormalised: 2,
      conflicts: 1,
      unknownLabel: 2,
    });
  });
});
