import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Clip, NoisyClip, View } from '../../../src/core/content.js';
import { createEngine } from '../../../src/engine/create-engine.js';
import { buildArtefacts } from '../../../src/features/artefacts.js';
import { FeatureExtractor } from '../../../src/features/extractor.js';
import { featureSpec } from '../../../src/features/spec.js';
import type { AudioEncoderSource } from '../../../src/encoders/audio-encoder.js';
import { dataUrl, int16, tone, wav } from './sounds.js';
import { loadFolder, loadTiny, TINY, tinyFolder, type Tiny } from './tiny-encoders.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fungi-audio-encoder-'));
});
afterAll(() => rm(root, { recursive: true }));

const NAMES = Object.keys(TINY) as Tiny[];
const sound = (samples: number, hertz: number): string => dataUrl(wav({ data: int16(tone(samples, hertz)) }));
const clipOf = async (encoder: AudioEncoderSource, samples: number, hertz = 440): Promise<Clip> =>
  (await encoder.open([sound(samples, hertz)]))[0] as Clip;
const noisy = (of: Clip, level: number, roll: number, view = 0): NoisyClip => ({
  kind: 'noise',
  of,
  stream: [7, 'noise', of.digest, view],
  level,
  roll,
});
async function input(encoder: AudioEncoderSource, ...views: View[]): Promise<Float32Array> {
  const [feed] = Object.values(await encoder.collate(encoder.prepare(views), [inputName(encoder)]));
  return feed!.data as Float32Array;
}
const inputName = ({ settings }: AudioEncoderSource): string =>
  settings.extractor.feature_extractor_type === 'WhisperFeatureExtractor' ? 'input_features' : 'input_values';

describe('sizes', () => {
  it('of Whisper: pooling reads the clip, the model computes its whole length', async () => {
    const encoder = await loadTiny(root, 'whisper');
    const sizes = async (samples: number) => encoder.prepare([await clipOf(encoder, samples)])[0];
    expect(encoder).toMatchObject({ pooling: 'mean', maxTokens: 10, sampleRate: 16_000 });
    expect(await sizes(1)).toMatchObject({ tokens: 1, computed: 10, truncated: false });
    expect(await sizes(1600)).toMatchObject({ tokens: 1, computed: 10 });
    expect(await sizes(1601)).toMatchObject({ tokens: 2, computed: 10 });
    expect(await sizes(16_000)).toMatchObject({ tokens: 10, computed: 10, truncated: false });
    expect(await sizes(16_001)).toMatchObject({ tokens: 10, computed: 10, truncated: true });
  });

  it('of AST are the same for every clip', async () => {
    const encoder = await loadTiny(root, 'ast');
    expect(encoder).toMatchObject({ pooling: 'mean:0:2', maxTokens: 8 });
    expect(encoder.prepare([await clipOf(encoder, 100)])[0]).toMatchObject({ tokens: 8, truncated: false });
    // 20 frames of 400 samples, 160 apart, are 3,440 samples; another begins 160 later.
    expect(encoder.prepare([await clipOf(encoder, 3599)])[0]).toMatchObject({ tokens: 8, truncated: false });
    expect(encoder.prepare([await clipOf(encoder, 3600)])[0]).toMatchObject({ tokens: 8, truncated: true });
  });

  it.each(['wav2vec2', 'hubert'] as const)('of %s are what its convolutions make of the samples', async (name) => {
    const encoder = await loadTiny(root, name, { maxSeconds: 0.1 });
    const tokens = async (samples: number) => encoder.prepare([await clipOf(encoder, samples)])[0]!.tokens;
    // ⌊(⌊(n − 10)/5⌋ + 1 − 3)/2⌋ + 1
    expect(await tokens(160)).toBe(15);
    expect(await tokens(20)).toBe(1);
    expect(await tokens(5)).toBe(1);
    expect(encoder).toMatchObject({ pooling: 'mean', maxTokens: 159, alone: true });
    expect(encoder.prepare([await clipOf(encoder, 1601)])[0]).toMatchObject({ tokens: 159, truncated: true });
  });
});

describe('views', () => {
  it.each(NAMES)('of %s add noise of 0 … level and roll along time', async (name) => {
    const encoder = await loadTiny(root, name);
    const clip = await clipOf(encoder, 3200);
    const base = await input(encoder, clip);
    const still = await input(encoder, noisy(clip, 0.1, 0));
    const scale = name === 'ast' ? 2 * 4.5689974 : 1;
    const noise = still.map((value, i) => (value - base[i]!) * scale);
    expect(noise.every((value) => value > -1e-5 && value < 0.1 + 1e-5)).toBe(true);
    expect(noise.reduce((sum, value) => sum + value, 0) / noise.length).toBeCloseTo(0.05, 2);
    expect(await input(encoder, clip)).toEqual(base);
    expect(await input(encoder, noisy(clip, 0.1, 0))).toEqual(still);
    expect(await input(encoder, noisy(clip, 0.1, 0, 1))).not.toEqual(still);
  });

  it('of Whisper roll within the clip', async () => {
    const encoder = await loadTiny(root, 'whisper');
    const clip = await clipOf(encoder, 3200); // 4 frames
    const [base, rolled] = [await input(encoder, clip), await input(encoder, noisy(clip, 0, 1))];
    for (let mel = 0; mel < 6; mel++) {
      const row = base.subarray(mel * 20, mel * 20 + 20);
      expect([...rolled.subarray(mel * 20, mel * 20 + 20)]).toEqual([
        row[3],
        row[0],
        row[1],
        row[2],
        ...row.subarray(4),
      ]);
    }
    expect(await input(encoder, noisy(clip, 0, -3))).toEqual(rolled);
  });

  it('of AST roll all frames', async () => {
    const encoder = await loadTiny(root, 'ast');
    const clip = await clipOf(encoder, 800);
    const [base, rolled] = [await input(encoder, clip), await input(encoder, noisy(clip, 0, -2))];
    expect([...rolled]).toEqual([...base.subarray(2 * 14), ...base.subarray(0, 2 * 14)]);
  });

  it('of samples roll by as long as a frame lasts', async () => {
    const encoder = await loadTiny(root, 'wav2vec2');
    const clip = await clipOf(encoder, 800);
    const [base, rolled] = [await input(encoder, clip), await input(encoder, noisy(clip, 0, 1))];
    expect([...rolled]).toEqual([...base.subarray(640), ...base.subarray(0, 640)]);
  });

  it('of something else than a sound are refused', async () => {
    const encoder = await loadTiny(root, 'ast');
    expect(() => encoder.prepare(['a text'])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }));
  });
});

describe('items', () => {
  it('are known by their bytes; all that are missing are named at once', async () => {
    const encoder = await loadTiny(root, 'ast');
    const [a, b, again] = await encoder.identify([sound(400, 300), sound(400, 301), sound(400, 300)]);
    expect(a).toBe(again);
    expect(a).not.toBe(b);
    expect((await clipOf(encoder, 400, 300)).digest).toBe(a);
    await expect(encoder.identify(['one.wav', 'two.wav'])).rejects.toThrow(/one\.wav, two\.wav/);
  });
});

describe('inputs', () => {
  it('of samples are padded, with a mask where the model takes one', async () => {
    const encoder = await loadTiny(root, 'hubert');
    const clips = [await clipOf(encoder, 30), await clipOf(encoder, 50)];
    const { input_values, attention_mask } = await encoder.collate(encoder.prepare(clips), [
      'input_values',
      'attention_mask',
    ]);
    expect(input_values!.shape).toEqual([2, 50]);
    expect([...input_values!.data.slice(30, 50)].every((value) => value === 0)).toBe(true);
    const mask = [...attention_mask!.data].map(Number);
    expect(mask.join('')).toBe('1'.repeat(30) + '0'.repeat(20) + '1'.repeat(50));
  });

  it.each(NAMES)('of %s are finite for silence and for one sample', async (name) => {
    const encoder = await loadTiny(root, name);
    const [silence, click] = await encoder.open([
      dataUrl(wav({ data: new Uint8Array(3200) })),
      dataUrl(wav({ data: int16(Float32Array.of(1)) })),
    ]);
    expect((await input(encoder, silence!)).every(Number.isFinite)).toBe(true);
    expect((await input(encoder, click!)).every(Number.isFinite)).toBe(true);
  });

  it('that are not known are refused', async () => {
    const encoder = await loadTiny(root, 'whisper');
    await expect(encoder.collate(encoder.probe(), ['input_features', 'decoder_input_ids'])).rejects.toMatchObject({
      code: 'MODEL_UNSUPPORTED',
    });
  });
});

describe('settings', () => {
  it('take the mean and spread of a data set, and another fingerprint with them', async () => {
    const [own, esc50] = [
      await loadTiny(root, 'ast'),
      await loadTiny(root, 'ast', { mean: -6.6268077, std: 5.358466 }),
    ];
    const value = (await input(own, await clipOf(own, 800)))[0]!;
    const other = (await input(esc50, await clipOf(esc50, 800)))[0]!;
    expect(other * 2 * 5.358466 - 6.6268077).toBeCloseTo(value * 2 * 4.5689974 - 4.2677393, 4);
    expect(own.preprocessorSha256).not.toBe(esc50.preprocessorSha256);
  });

  it.each<[Tiny, object]>([
    ['ast', { std: 0 }],
    ['ast', { mean: NaN }],
    ['ast', { maxSeconds: 5 }],
    ['whisper', { mean: 0 }],
    ['hubert', { maxSeconds: 0 }],
  ])('of %s refuse %j', async (name, options) => {
    await expect(loadTiny(root, name, options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
  });

  it.each<[string, string | undefined, string]>([
    ['is missing', undefined, 'MODEL_CORRUPT'],
    ['is no JSON', '{', 'MODEL_CORRUPT'],
    ['is of an image model', '{"image_processor_type":"ViTImageProcessor"}', 'MODEL_UNSUPPORTED'],
    ['is of another family', '{"feature_extractor_type":"ClapFeatureExtractor"}', 'MODEL_UNSUPPORTED'],
    ['holds nonsense', '{"feature_extractor_type":"ASTFeatureExtractor","std":-1}', 'MODEL_CORRUPT'],
  ])('preprocessor_config.json %s', async (_, content, code) => {
    const folder = await tinyFolder(join(root, 'broken'), 'ast');
    const path = join(folder, 'preprocessor_config.json');
    await (content === undefined ? rm(path) : writeFile(path, content));
    await expect(loadFolder(folder)).rejects.toMatchObject({ code });
  });
});

/** The tail sums over rows of another number; padding that is read changes features by tenths. */
const ROUNDING = 1e-4;

describe('features', () => {
  const pool = Array.from({ length: 6 }, (_, i) => sound(800 + 450 * (i % 4), 200 + 150 * i));

  it.each(NAMES)('of %s are the same in any batch and order, with KL and SimCLR', async (name) => {
    const engine = await createEngine(await loadTiny(root, name));
    const spec = featureSpec(
      {
        seed: 3,
        losses: [
          { name: 'kl', latent: 12 },
          { name: 'simclr', latent: 12, views: 3, negativeItems: 3 },
        ],
        projection: { kind: 'nystrom', landmarks: 6, rank: 2 },
      },
      'audio',
    );
    const extractor = await FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, pool));
    const { rows } = await extractor.extract(pool);
    const width = rows.length / pool.length;
    const row = (all: Float32Array, i: number): Float32Array => all.subarray(i * width, (i + 1) * width);
    expect(rows.every(Number.isFinite)).toBe(true);
    const reversed = (await extractor.extract(pool.toReversed())).rows;
    for (const i of pool.keys()) {
      const alone = (await extractor.extract([pool[i]!])).rows;
      row(rows, i).forEach((value, d) => {
        expect(Math.abs(value - row(reversed, pool.length - 1 - i)[d]!)).toBeLessThan(ROUNDING);
        expect(Math.abs(value - alone[d]!)).toBeLessThan(ROUNDING);
      });
    }
    await engine.close();
  });

  it.each([
    ['hubert-masked', true],
    ['hubert', false],
  ] as const)('of %s: clips of differing length in one run: %s', async (name, together) => {
    const encoder = await loadTiny(root, name);
    const collate = vi.spyOn(encoder, 'collate');
    const engine = await createEngine(encoder);
    collate.mockClear();
    await engine.encode(await engine.open(pool));
    const lengths = collate.mock.calls.map(([batch]) => new Set(batch.map(({ tokens }) => tokens)).size);
    expect(Math.max(...lengths) > 1).toBe(together);
    await engine.close();
  });
});
