import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { landmarkRetrieval } from '../../../src/eval/retrieval/landmark-retrieval.js';
import { readLandmarkTruth } from '../../../src/eval/retrieval/landmark-truth.js';
import { DIFFICULTIES, scoreRanking, type Difficulty, type QueryTruth } from '../../../src/eval/retrieval/revisited.js';
import { readGolden } from '../../support/golden.js';

interface Scores {
  readonly ap: readonly (number | null)[];
  readonly map: number;
  readonly mpk: readonly number[];
  readonly prk: readonly (readonly (number | null)[])[];
}
interface Case extends Readonly<Record<Difficulty, Scores>> {
  readonly name: string;
  readonly n: number;
  readonly gnd: readonly QueryTruth[];
  readonly ranks: readonly (readonly number[])[];
}
const { cases } = readGolden('protocols/retrieval.json') as { cases: readonly Case[] };
const each = cases.flatMap((golden) => DIFFICULTIES.map((difficulty) => ({ name: golden.name, difficulty, golden })));

describe('the revisited protocol', () => {
  it.each(each)('has the published measures: $name, $difficulty', ({ difficulty, golden }) => {
    golden.gnd.forEach((truth, q) => {
      const scores = scoreRanking(golden.ranks[q]!, truth, difficulty, [1, 5, 10]);
      const expected = golden[difficulty].ap[q] ?? null;
      if (expected === null) {
        expect(scores).toBeNull();
        return;
      }
      expect(scores!.averagePrecision).toBeCloseTo(expected, 12);
      scores!.precision.forEach((value, at) => {
        expect(value).toBeCloseTo(golden[difficulty].prk[q]![at]!, 12);
      });
    });
  });

  it('has cases with and without images to find', () => {
    const scores = cases.flatMap((golden) => DIFFICULTIES.flatMap((difficulty) => golden[difficulty].ap));
    expect(scores).toContain(null);
    expect(scores.filter((score) => score !== null && score < 1).length).toBeGreaterThan(20);
  });

  it('counts a wanted image with the mean of the precisions before and after it', () => {
    const truth = { easy: [7, 3], hard: [4], junk: [1] };
    // Easy: 1 and 4 are not there, so that 7 is first and 3 third.
    const ranking = [1, 7, 4, 0, 3, 2];
    expect(scoreRanking(ranking, truth, 'easy', [1, 2, 5])).toEqual({
      averagePrecision: ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2) / 2,
      precision: [1, 1 / 2, 2 / 3],
    });
    expect(scoreRanking(ranking, truth, 'hard', [1])).toEqual({ averagePrecision: 1, precision: [1] });
  });

  it('counts images that the ranking lacks as not found', () => {
    const truth = { easy: [0, 1], hard: [], junk: [] };
    expect(scoreRanking([0], truth, 'easy', [1])!.averagePrecision).toBe(0.5);
    expect(scoreRanking([5], truth, 'easy', [1])).toEqual({ averagePrecision: 0, precision: [0] });
    expect(scoreRanking([0], truth, 'hard', [1])).toBeNull();
  });

  it('refuses a depth of 0', () => {
    const truth = { easy: [0], hard: [], junk: [] };
    expect(() => scoreRanking([0], truth, 'easy', [0])).toThrow(
      expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error,
    );
  });
});

describe('landmark retrieval', () => {
  it.each(cases)('scores rankings of features: $name', async (golden) => {
    // An axis for each query, and an image's place in its ranking as the cosine to it.
    const dims = golden.gnd.length;
    const rows = new Float32Array(golden.n * (dims + 1));
    golden.ranks.forEach((ranking, q) => {
      ranking.forEach((image, place) => (rows[image * (dims + 1) + q] = 1 - place / golden.n));
    });
    // One more axis brings all images to one length, as cosines need it.
    for (let i = 0; i < golden.n; i++) {
      const own = rows.subarray(i * (dims + 1), (i + 1) * (dims + 1));
      own[dims] = Math.sqrt(dims - own.reduce((sum, v) => sum + v * v, 0));
    }
    const queries = Float32Array.from({ length: dims * (dims + 1) }, (_, at) => (at % (dims + 2) === 0 ? 2 : 0));
    const found = await landmarkRetrieval({
      pool: { rows, dims: dims + 1 },
      queries: { rows: queries, dims: dims + 1 },
      truths: golden.gnd,
    });
    expect(found.depths).toEqual([1, 5, 10]);
    for (const difficulty of DIFFICULTIES) {
      const { meanAveragePrecision, meanPrecision, scored } = found[difficulty];
      expect(scored).toBe(golden[difficulty].ap.filter((score) => score !== null).length);
      expect(meanAveragePrecision).toBeCloseTo(golden[difficulty].map, 12);
      meanPrecision!.forEach((value, at) => {
        expect(value).toBeCloseTo(golden[difficulty].mpk[at]!, 12);
      });
    }
  });

  const pool = { rows: Float32Array.of(1, 0, 0, 1), dims: 2 };
  const queries = { rows: Float32Array.of(1, 0), dims: 2 };

  it('has no mean where no query is scored', async () => {
    const { easy, hard } = await landmarkRetrieval({ pool, queries, truths: [{ easy: [0], hard: [], junk: [1] }] });
    expect(easy).toEqual({
      queries: [{ averagePrecision: 1, precision: [1, 1, 1] }],
      scored: 1,
      meanAveragePrecision: 1,
      meanPrecision: [1, 1, 1],
    });
    expect(hard).toEqual({ queries: [null], scored: 0, meanAveragePrecision: null, meanPrecision: null });
  });

  it.each([
    ['a query without a truth', [], /1 queries, but 0 truths/],
    ['an image that is not there', [{ easy: [], hard: [], junk: [2] }], /query 0 names image 2, the pool has 2/],
  ])('refuses %s', async (_, truths, message) => {
    await expect(landmarkRetrieval({ pool, queries, truths })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('the ground truth of landmarks', () => {
  async function written(content: unknown): Promise<string> {
    const path = join(await mkdtemp(join(tmpdir(), 'landmarks-')), 'gnd.json');
    await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  }
  const good = {
    imlist: ['all_souls_1', 'all_souls_2', 'radcliffe_1'],
    qimlist: ['query_1'],
    gnd: [{ easy: [0], hard: [2], junk: [], bbx: [1.5, 2, 3, 4] }],
  };

  it('is read from JSON', async () => {
    expect(await readLandmarkTruth(await written(good))).toEqual({
      images: good.imlist,
      queries: good.qimlist,
      truths: [{ easy: [0], hard: [2], junk: [] }],
    });
  });

  it.each([
    ['what is not JSON', '{', /is not JSON/],
    ['a list', [], /expected object/],
    ['a missing part', { ...good, gnd: [{ easy: [0], hard: [2] }] }, /junk/],
    ['half an image', { ...good, gnd: [{ easy: [0.5], hard: [], junk: [] }] }, /easy/],
    ['more truths than queries', { ...good, gnd: [...good.gnd, ...good.gnd] }, /1 queries, but 2 truths/],
    [
      'an image that is not listed',
      { ...good, gnd: [{ easy: [3], hard: [], junk: [] }] },
      /query 0 names image 3, the last is 2/,
    ],
    ['an image twice', { ...good, gnd: [{ easy: [1], hard: [], junk: [1] }] }, /query 0 names image 1 twice/],
  ])('refuses %s', async (_, content, message) => {
    await expect(readLandmarkTruth(await written(content))).rejects.toMatchObject({
      code: 'INVALID_DATA',
      message: expect.stringMatching(message) as string,
    });
  });

  it('must be there', async () => {
    await expect(readLandmarkTruth('/nowhere/gnd.json')).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });
});
