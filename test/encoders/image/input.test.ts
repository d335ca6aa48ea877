import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../../src/core/content.js';
import { silentLogger } from '../../../src/core/log.js';
import { ImageInput } from '../../../src/encoders/image/input.js';
import { edited } from '../../../src/encoders/image/edit.js';
import { cropAndResize, decode, openPictures } from '../../../src/encoders/image/picture.js';
import { readImageSettings } from '../../../src/encoders/image/settings.js';
import { readGolden, values, type GoldenArray } from '../../support/golden.js';

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

interface Case {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly png: string;
  readonly width: number;
  readonly height: number;
  readonly input: GoldenArray;
  readonly patches?: readonly { readonly row: number; readonly column: number; readonly input: GoldenArray }[];
  readonly crops?: readonly (Box & { readonly input: GoldenArray })[];
}

const { cases } = readGolden('images/images.json') as { readonly cases: readonly Case[] };

async function opened({ config, png }: Case): Promise<{ input: ImageInput; picture: Picture }> {
  const folder = await mkdtemp(join(tmpdir(), 'fungi-image-'));
  try {
    await writeFile(join(folder, 'preprocessor_config.json'), JSON.stringify(config));
    const [picture] = await openPictures([`data:image/png;base64,${png}`], silentLogger);
    return { input: new ImageInput(await readImageSettings(folder)), picture: picture! };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Largest and mean difference in levels of a byte, whatever the case scales by. */
function levels(found: Float32Array, golden: GoldenArray, { config }: Case): { largest: number; mean: number } {
  const expected = values(golden);
  expect(found).toHaveLength(expected.length);
  const plane = expected.length / 3;
  const scale = config['do_rescale'] === false ? 1 : 255;
  const std = config['do_normalize'] === true ? (config['image_std'] as number[]) : [1, 1, 1];
  let [largest, sum] = [0, 0];
  expected.forEach((value, i) => {
    const difference = Math.abs(found[i]! - value) * std[Math.floor(i / plane)]! * scale;
    largest = Math.max(largest, difference);
    sum += difference;
  });
  return { largest, mean: sum / expected.length };
}

/** Pillow rounds between its two passes, and libvips to where its taps lie: a few levels at edges, half a level on the whole. */
const TOLERANCE = { largest: 8, mean: 0.5 };

describe('ImageInput', () => {
  it.each(cases.map((c) => [c.name, c] as const))('is as Pillow has it: %s', async (_, example) => {
    const { input, picture } = await opened(example);
    expect([picture.width, picture.height]).toEqual([example.width, example.height]);
    const found = levels(await input.render(picture), example.input, example);
    expect(found.largest).toBeLessThan(TOLERANCE.largest);
    expect(found.mean).toBeLessThan(TOLERANCE.mean);
  });

  const viewed = cases.filter(({ patches }) => patches !== undefined);
  it.each(viewed.map((c) => [c.name, c] as const))('gives patches and crops as Pillow does: %s', async (_, example) => {
    const { input, picture } = await opened(example);
    expect(example.patches).toHaveLength(3);
    for (const { row, column, input: golden } of example.patches!) {
      const found = levels(await input.render({ kind: 'patch', of: picture, row, column, side: 7 }), golden, example);
      expect(found.mean).toBeLessThan(TOLERANCE.mean);
    }
    for (const { input: golden, ...box } of example.crops!) {
      const found = levels(await input.render({ kind: 'crop', of: picture, ...box }), golden, example);
      expect(found.mean).toBeLessThan(TOLERANCE.mean);
    }
  });

  it('gives the same of a view whatever was rendered before it', async () => {
    const [first, ...others] = await Promise.all(viewed.map(opened));
    const view = { kind: 'patch' as const, of: first!.picture, row: 1, column: 2, side: 7 };
    const alone = await new ImageInput(first!.input.settings).render(view);
    for (const { picture } of [...others, first!, ...others]) await first!.input.render(picture);
    expect(await first!.input.render(view)).toEqual(alone);
  });

  it('gives masked patches 0 in all channels, which is the mean colour, and leaves the others', async () => {
    const { input, picture } = await opened(viewed[0]!);
    const { width, height } = input.settings;
    const view = { kind: 'crop' as const, of: picture, left: 1, top: 2, width: 9, height: 8 };
    const whole = await input.render(view);
    const masked = await input.render({ ...view, masked: { rows: 4, columns: 5, patches: [0, 7, 19] } });
    const expected = whole.map((value, i) => {
      const [x, y] = [i % width, Math.floor(i / width) % height];
      const patch = Math.floor((4 * y) / height) * 5 + Math.floor((5 * x) / width);
      return [0, 7, 19].includes(patch) ? 0 : value;
    });
    expect(masked).toEqual(expected);
    expect(expected).not.toEqual(whole);
    expect(await input.render(view)).toEqual(whole);
  });

  it('refuses a text and a sound', async () => {
    const { input } = await opened(cases[0]!);
    for (const view of [
      'a text',
      { modality: 'audio' as const, digest: '', samples: new Float32Array(1), truncated: false },
    ])
      await expect(input.render(view as never)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });
});

describe('changes of the whole picture', () => {
  const shrunk = cases.find(({ crops }) => crops !== undefined)!;
  const box = { left: 2, top: 1, width: 9, height: 8 };
  const changes = [{ kind: 'contrast', amount: 0.6 }] as const;

  it('are made before a rectangle is cut out of it', async () => {
    const { input, picture } = await opened(shrunk);
    const view = { kind: 'crop', of: picture, ...box } as const;
    const { settings } = input;
    const plane = settings.width * settings.height;
    const expected = await cropAndResize(edited(await decode(picture), changes), box, settings);
    const found = await input.render({ ...view, pictureEdits: changes });
    for (let channel = 0; channel < 3; channel++)
      for (let i = 0; i < plane; i++) {
        const value =
          (expected.data[3 * i + channel]! * settings.scale - settings.mean[channel]!) / settings.std[channel]!;
        expect(found[channel * plane + i]).toBeCloseTo(value, 4);
      }
    // Of the rectangle alone the grey that contrast leads to is another; and the picture itself stays as it was.
    expect(await input.render({ ...view, edits: changes })).not.toEqual(found);
    expect(await input.render(view)).not.toEqual(found);
  });
});
