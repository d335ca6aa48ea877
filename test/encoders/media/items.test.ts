import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/core/log.js';
import { openClips } from '../../../src/encoders/audio/clip.js';
import { decode, openPictures } from '../../../src/encoders/image/picture.js';
import { itemOfFile, itemOfPixels, itemOfSamples } from '../../../src/encoders/media/items.js';

describe('media in memory as items', () => {
  it('are pixels as they were', async () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.constantFrom(1, 3));
    const images = sizes.chain(([width, height, channels]) => {
      const length = width * height * channels;
      return fc.record({
        ...{ width: fc.constant(width), height: fc.constant(height), channels: fc.constant(channels) },
        data: fc.uint8Array({ minLength: length, maxLength: length }),
      });
    });
    await fc.assert(
      fc.asyncProperty(images, async (pixels) => {
        const [picture] = await openPictures([await itemOfPixels(pixels)], silentLogger);
        const { data, ...size } = await decode(picture!);
        expect(size).toEqual({ width: pixels.width, height: pixels.height });
        const each = pixels.channels === 1 ? 3 : 1;
        expect([...data]).toEqual([...pixels.data].flatMap((value) => new Array<number>(each).fill(value)));
      }),
      { numRuns: 50 },
    );
  });

  it('lie over white where pixels are transparent', async () => {
    const item = await itemOfPixels({
      data: Uint8Array.of(9, 9, 9, 0, 1, 2, 3, 255),
      width: 2,
      height: 1,
      channels: 4,
    });
    const [picture] = await openPictures([item], silentLogger);
    expect([...(await decode(picture!)).data]).toEqual([255, 255, 255, 1, 2, 3]);
  });

  it('are samples as they were, at the rate of the encoder', async () => {
    const sample = fc.float({ min: -1, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(fc.array(sample, { minLength: 1, maxLength: 200 }), async (values) => {
        const samples = Float32Array.from(values);
        const [clip] = await openClips([itemOfSamples(samples, 16_000)], { sampleRate: 16_000, maxSamples: 1000 });
        expect([...clip!.samples].map((value) => value + 0)).toEqual([...samples].map((value) => value + 0));
      }),
      { numRuns: 50 },
    );
  });

  it('are the bytes of a file', async () => {
    const png = await sharp(Buffer.from([1, 2, 3]), { raw: { width: 1, height: 1, channels: 3 } })
      .png()
      .toBuffer();
    const [picture] = await openPictures([itemOfFile(png)], silentLogger);
    expect([...(await decode(picture!)).data]).toEqual([1, 2, 3]);
  });

  it.each([
    [{ data: new Uint8Array(5), width: 1, height: 2, channels: 3 }, /5 bytes, where 1 × 2 of 3 channels are 6/],
    [{ data: new Uint8Array(5), width: 1, height: 1, channels: 5 }, /no image/],
    [{ data: new Uint8Array(0), width: 0, height: 1, channels: 3 }, /no image/],
    [{ data: new Uint8Array(3), width: 1.5, height: 1, channels: 2 }, /no image/],
  ])('are refused where sizes do not fit: %j', async (pixels, message) => {
    await expect(itemOfPixels(pixels)).rejects.toMatchObject({
      code: 'INVALID_MEDIA',
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    [0, 16_000],
    [3, 0],
    [3, 44_100.5],
    [3, Number.NaN],
  ])('are refused: %i samples at %d Hz', (count, rate) => {
    expect(() => itemOfSamples(new Float32Array(count), rate)).toThrow('no sound');
  });
});
