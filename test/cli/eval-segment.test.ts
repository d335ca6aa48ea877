import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SegmentResult } from '../../src/cli/segment-text.js';
import type { SegmentSummary } from '../../src/eval/segment/segment-report.js';
import { fixture } from '../support/golden.js';
import { Workspace, type Outcome } from './support.js';

/** Colour of each class, and the value of pixels that have none. */
const COLOURS = [
  [220, 30, 30],
  [30, 200, 40],
  [40, 60, 230],
] as const;
const IGNORED = 9;
/** Patches of 8 pixels, 2 × 2 tiles of 16. */
const [EDGE, PATCH] = [32, 8];

let workspace: Workspace;
beforeAll(async () => {
  workspace = await Workspace.create();
  const settings = { do_resize: true, size: { height: 16, width: 16 }, do_normalize: true };
  await workspace.write(
    {
      'model.onnx': await readFile(fixture('media/vit/model.onnx')),
      'preprocessor_config.json': JSON.stringify({
        ...settings,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
      }),
    },
    'vit',
  );
  await scenes('scenes/train', 6, 7);
  await scenes('scenes/test', 4, 2);
  await workspace.write({ 'labels.json': '["red","green","blue","absent"]' }, 'scenes');
});
afterAll(() => workspace.remove());

/** Pictures of stripes a patch wide; the patch in the corner has no class. */
async function scenes(folder: string, count: number, from: number, { wrong = 0 } = {}): Promise<void> {
  for (let i = 0; i < count; i++) {
    const pixels = new Uint8Array(EDGE * EDGE * 3);
    const labels = new Uint8Array(EDGE * EDGE);
    for (let at = 0; at < EDGE * EDGE; at++) {
      const [row, column] = [Math.floor(at / EDGE / PATCH), Math.floor((at % EDGE) / PATCH)];
      const label = Math.floor((from + 12 * i) / 3 ** column) % 3;
      pixels.set(COLOURS[label]!, at * 3);
      labels[at] = row === 0 && column === 0 ? IGNORED : (label + wrong) % 3;
    }
    const image = (data: Uint8Array, channels: 1 | 3) => sharp(data, { raw: { width: EDGE, height: EDGE, channels } });
    await workspace.write({ [`${i}.png`]: await image(pixels, 3).png().toBuffer() }, folder, 'images');
    await workspace.write(
      { [`${i}.png`]: await image(labels, 1).toColourspace('b-w').png().toBuffer() },
      folder,
      'labels',
    );
  }
}

interface Report {
  readonly results: readonly SegmentResult[];
  readonly summary: readonly SegmentSummary[];
  readonly data: { readonly train: number; readonly test: number; readonly classes: readonly string[] };
  readonly grid: { readonly rows: number; readonly columns: number };
  readonly size: { readonly width: number; readonly height: number };
  readonly fingerprint: string;
}

const SEGMENT = ['eval', 'segment', '--encoder', '@vit', '--ignore', String(IGNORED), '--threads', '1'];
const segment = (train: string, test: string, ...more: string[]): Promise<Outcome> =>
  workspace.fungi([...SEGMENT, '--train', `@${train}`, '--test', `@${test}`, ...more]);

/** Of the embedding, unless the call names other features. */
async function report(...argv: [train: string, test: string, ...more: string[]]): Promise<Report> {
  const features = argv.includes('--features') ? [] : ['--features', 'embedding'];
  const outcome = await segment(...argv, ...features, '--json');
  expect(outcome.stderr).toBe('');
  expect(outcome.code).toBe(0);
  return outcome.json() as Report;
}

describe('eval segment', () => {
  it('finds the classes of pictures that are in the bank themselves', async () => {
    const { results, data, grid, size } = await report('scenes/train', 'scenes/train', '-k', '1');
    expect(data).toEqual({ train: 6, test: 6, classes: ['red', 'green', 'blue', 'absent'] });
    expect([grid, size]).toEqual([
      { rows: 4, columns: 4 },
      { width: 32, height: 32 },
    ]);
    // 15 of 16 patches: the one in the corner has no class.
    expect(results).toEqual([
      {
        ...{ features: 'embedding', seed: 0, bank: 90, meanIou: 1, matchedMeanIou: 1 },
        perClass: { red: 1, green: 1, blue: 1, absent: null },
      },
    ]);
  });

  it('compares features of patches on the same pictures', async () => {
    const own = await report('scenes/train', 'scenes/train', '-k', '1', '--features', 'embedding,simclr,only:simclr');
    // Each of a picture's patches finds itself: in the bank its features are what they are in the test.
    expect(own.results.map(({ features, meanIou }) => [features, meanIou])).toEqual([
      ['embedding', 1],
      ['simclr', 1],
      ['only:simclr', 1],
    ]);
    const argv = ['scenes/train', 'scenes/test', '-k', '5', '--temperature', '0.1', '--seeds', '2'] as const;
    const { results, summary } = await report(...argv, '--features', 'embedding,simclr');
    expect(results.map(({ features, seed }) => [features, seed])).toEqual([
      ['embedding', 0],
      ['simclr', 0],
      ['embedding', 1],
      ['simclr', 1],
    ]);
    const [embedding, simclr] = summary;
    for (const { features, mean, perClass } of summary) {
      const own = results.filter((result) => result.features === features);
      expect(mean.iou).toBeCloseTo((own[0]!.meanIou + own[1]!.meanIou) / 2, 10);
      expect(mean.low).toBeLessThanOrEqual(mean.iou);
      expect(mean.high).toBeGreaterThanOrEqual(mean.iou);
      expect(Object.keys(perClass)).toEqual(['red', 'green', 'blue', 'absent']);
      expect(perClass['absent']).toBeNull();
    }
    expect(simclr!.gain).toMatchObject({ over: 'embedding' });
    expect(simclr!.gain!.mean.difference).toBeCloseTo(simclr!.mean.iou - embedding!.mean.iou, 10);
    // What a set is measured as does not depend on those beside it.
    const alone = await report(...argv, '--features', 'simclr');
    expect(alone.results).toEqual(results.filter(({ features }) => features === 'simclr'));
  });

  it('takes mode and projection of the gradients', async () => {
    const of = (...more: string[]): Promise<Report> =>
      report('scenes/train', 'scenes/test', '--features', 'only:simclr', ...more);
    const all = [await of(), await of('--mode', 'reference'), await of('--projection', 'khatri-rao')];
    expect(new Set(all.map(({ results }) => results[0]!.meanIou)).size).toBe(3);
    expect(new Set(all.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  });

  it('makes the bank of augmented copies, whose labels go with them', async () => {
    const argv = ['scenes/train', 'scenes/train', '-k', '9', '--temperature', '0.1'] as const;
    const { results, fingerprint } = await report(...argv, '--augmentation-epochs', '4');
    expect(results[0]!.bank).toBeGreaterThan(4 * 6 * 14);
    expect(results[0]!.meanIou).toBeGreaterThan(0.6);
    expect((await report(...argv)).fingerprint).not.toBe(fingerprint);
    const again = await report(...argv, '--augmentation-epochs', '4');
    expect(again).toMatchObject({ results, fingerprint });
  });

  it('does better on other pictures than by chance, and as badly as their labels are wrong', async () => {
    const { results } = await report('scenes/train', 'scenes/test', '-k', '5', '--temperature', '0.1');
    expect(results[0]!.meanIou).toBeGreaterThan(0.5);
    await scenes('turned', 4, 2, { wrong: 1 });
    const turned = await report('scenes/train', 'turned', '-k', '5', '--temperature', '0.1');
    expect(turned.results[0]!.meanIou).toBeLessThan(results[0]!.meanIou / 2);
    expect(turned.results[0]!.matchedMeanIou).toBeCloseTo(results[0]!.matchedMeanIou, 10);
  });

  it('draws a bank for each seed, as many patches of each picture, and gives the same again', async () => {
    const argv = ['scenes/train', 'scenes/test', '--bank', '15', '--temperature', '10', '--seeds', '3'] as const;
    const { results, fingerprint } = await report(...argv);
    expect(results.map(({ seed, bank }) => [seed, bank])).toEqual([
      [0, 12],
      [1, 12],
      [2, 12],
    ]);
    expect(new Set(results.map(({ meanIou }) => meanIou)).size).toBeGreaterThan(1);
    expect(await report(...argv)).toMatchObject({ results, fingerprint });
    expect((await report(...argv, '-k', '3')).fingerprint).not.toBe(fingerprint);
  });

  it('prints a table, and keeps JSON in a file', async () => {
    const file = workspace.path('out', 'scenes.json');
    const argv = ['-k', '1', '--tiles', '1', '--augmentation-epochs', '1', '--json', file];
    const { code, stdout } = await segment('scenes/train', 'scenes/train', ...argv);
    expect(code).toBe(0);
    expect(stdout).toContain('1 × 1 tile of 16 × 16 pixels, 2 × 2 patches of 8; a bank of');
    expect(stdout).toContain('patches of 1 augmented copy of each picture, k = 1');
    const [interval, gain] = [
      '\\d+\\.\\d \\(\\d+\\.\\d to \\d+\\.\\d\\)',
      '[+-]\\d+\\.\\d \\([+-]\\d+\\.\\d to [+-]\\d+\\.\\d\\)',
    ];
    expect(stdout).toMatch(/IoU % +embedding +simclr +gain of simclr\n/);
    expect(stdout).toMatch(new RegExp(`\nmean +${interval} +${interval} +${gain}\n`));
    expect(stdout).toMatch(/\nmean, matched +\d+\.\d +\d+\.\d\n/);
    expect(stdout).toMatch(new RegExp(`\nred +${interval} +${interval} +${gain}\n`));
    expect(stdout).toMatch(/^absent$/m);
    expect(stdout).toContain('95 % intervals over the test pictures; gain: over embedding, paired by picture');
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ settings: { tiles: 1, k: 1, ignore: IGNORED } });
  });

  it('takes parts of the pictures, and names of classes from a file', async () => {
    await workspace.write({ 'names.json': '["a","b","c"]' });
    const { data } = await report(
      ...(['scenes/train', 'scenes/test', '--limit-train', '2', '--limit-test', '1'] as const),
      ...['--classes', workspace.path('names.json')],
    );
    expect(data).toEqual({ train: 2, test: 1, classes: ['a', 'b', 'c'] });
  });

  it('warns of classes that no training picture has', async () => {
    const pixel = await sharp(Uint8Array.of(3), { raw: { width: 1, height: 1, channels: 1 } })
      .resize(EDGE, EDGE, { kernel: 'nearest' })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    await workspace.write({ 'a.png': pixel }, 'unknown', 'images');
    await workspace.write({ 'a.png': pixel }, 'unknown', 'labels');
    const { code, stderr } = await segment('scenes/train', 'unknown');
    expect(code).toBe(0);
    expect(stderr).toContain('warning: no training picture has absent: test pixels of it cannot be right');
  });

  it.each([
    ['a text encoder', ['--encoder', 'MODEL'], 2, /scenes are pictures, and the encoder reads text/],
    ['a bank of less than a patch a picture', ['--bank', '5'], 2, /5 patches is less than one of each of 6 pictures/],
    ['a loss that is not of patches', ['--features', 'embedding,kl'], 2, /"kl" is no feature set of patches/],
    [
      'a bank of less than a patch a copy',
      ['--bank', '50', '--augmentation-epochs', '9'],
      2,
      /one of each of 9 copies of 6/,
    ],
    ['values that are no class', ['--ignore', '8'], 3, /is 9; classes are 0 to 3, and 8 is ignored/],
    ['a folder that is none', ['--test', '@nowhere'], 3, /nowhere\/images: no such folder/],
    ['a temperature of 0', ['--temperature', '0'], 2, /must be a number above 0/],
    ['names that are not there', ['--classes', '@none.json'], 3, /none\.json is missing/],
  ])('refuses %s', async (_, more, code, message) => {
    const outcome = await segment('scenes/train', 'scenes/test', ...more);
    expect(outcome.stderr).toMatch(message);
    expect(outcome.code).toBe(code);
  });

  it('has no pooling to choose', async () => {
    const outcome = await segment('scenes/train', 'scenes/test', '--pooling', 'first');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('--pooling');
  });
});
