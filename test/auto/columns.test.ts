import { expect, it } from 'vitest';
import { blocksOf, columnsOf, momentsOf, sampleOf, sumsOf } from '../../src/auto/columns.js';
import { lossSets, SHARES, VOTERS, candidateSpaces } from '../../src/auto/candidate-spaces.js';
import { ScoreTable } from '../../src/auto/scores.js';
import { LabelledStatistics } from '../../src/reduce/labelled-statistics.js';
import { clusters } from '../reduce/clusters.js';

const blocks = [
  { name: 'kl', start: 0, width: 3 },
  { name: 'simclr', start: 3, width: 2 },
  { name: 'embedding', start: 5, width: 4 },
];
const F = 9;

it('keeps the embedding whatever the losses, in the order of the row', () => {
  expect(blocksOf(blocks, ['simclr']).map(({ name }) => name)).toEqual(['simclr', 'embedding']);
  expect([...columnsOf(blocksOf(blocks, []))]).toEqual([5, 6, 7, 8]);
  expect([...columnsOf(blocksOf(blocks, ['kl']))]).toEqual([0, 1, 2, 5, 6, 7, 8]);
});

it('restricts statistics to what those of the restricted rows are', async () => {
  const { rows, labels } = clusters({ classes: 3, each: 7, width: F, noise: 1 });
  const columns = columnsOf(blocksOf(blocks, ['kl']));
  const own = Float32Array.from({ length: 21 * 7 }, (_, at) => rows[Math.floor(at / 7) * F + columns[at % 7]!]!);
  const [whole, part] = [F, 7].map((width) => new LabelledStatistics(width, { rows: 10, seed: 3 }));
  await whole!.add(rows, labels);
  await part!.add(own, labels);
  const [found, wanted] = [sumsOf(await whole!.classSums(), columns), await part!.classSums()];
  expect([...found.counts]).toEqual([...wanted.counts]);
  for (const name of ['shift', 'sums', 'products'] as const) {
    wanted[name].forEach((value, at) => {
      expect(found[name][at]).toBeCloseTo(value, 10);
    });
  }
  expect(sampleOf(whole!.sample(), F, columns)).toEqual(part!.sample());
  const [moments, alone] = [momentsOf(await whole!.moments(), columns), await part!.moments()];
  alone.covariance.forEach((value, at) => {
    expect(moments.covariance[at]).toBeCloseTo(value, 10);
  });
});

it('tries sets of losses from none to all, the cheaper before the dearer', () => {
  expect(lossSets(['kl', 'simclr', 'dino'])).toEqual([
    [],
    ['kl'],
    ['simclr'],
    ['dino'],
    ['kl', 'simclr'],
    ['kl', 'dino'],
    ['simclr', 'dino'],
    ['kl', 'simclr', 'dino'],
  ]);
  expect(
    candidateSpaces(['kl'])
      .slice(0, SHARES.length)
      .map(({ share }) => share),
  ).toEqual([...SHARES]);
});

it('counts the turns of a row, and leaves out rows that had none', () => {
  const space = { losses: [], shrinkage: 0.2, share: 0.5 };
  const table = new ScoreTable([space], { rows: 4, voters: VOTERS.length });
  const turn = (right: number[], hit: number[]) => ({
    right: Array.from({ length: 6 }, () => Uint8Array.from(right)),
    hit: Uint8Array.from(hit),
  });
  table.add([2, 0], [turn([1, 0], [1, 1])]);
  table.add([2, 3], [turn([0, 1], [1, 0])]);
  expect([...table.scored()]).toEqual([0, 2, 3]);
  const [own] = table.shares();
  expect([...own!.right[0]!]).toEqual([0, 0.5, 1]);
  expect([...own!.hit]).toEqual([1, 1, 0]);
});
