import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../../src/core/content.js';
import { FungiError } from '../../../src/core/errors.js';
import { silentLogger } from '../../../src/core/log.js';
import { decode, IMAGE_LIMITS, openPictures } from '../../../src/encoders/image/picture.js';
import type { Pixels } from '../../../src/encoders/image/pixels.js';

const dataUrl = (bytes: Uint8Array): string => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;

async function open(bytes: Uint8Array): Promise<Picture> {
  const [picture] = await openPictures([dataUrl(bytes)], silentLogger);
  return picture!;
}

/** A red left and a blue right half, 8 wide and 4 high. */
const halves = Buffer.from(Array.from({ length: 8 * 4 }, (_, i) => (i % 8 < 4 ? [255, 0, 0] : [0, 0, 255])).flat());
const inverted = Buffer.from(halves.map((level) => 255 - level));
const image = (data: Buffer = halves) => sharp(data, { raw: { width: 8, height: 4, channels: 3 } });

/** RGB at a place. */
const at = ({ data, width }: Pixels, x: number, y: number): number[] => [
  ...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3),
];

describe('opening a picture', () => {
  it.each([
    ['PNG', image().png()],
    ['lossless WebP', image().webp({ lossless: true })],
    ['TIFF', image().tiff({ compression: 'none' })],
    ['GIF', image().gif()],
  ])('reads %s', async (_, pipeline) => {
    const picture = await open(await pipeline.toBuffer());
    expect(picture).toMatchObject({ modality: 'image', width: 8, height: 4 });
    const pixels = await decode(picture);
    expect([pixels.width, pixels.height]).toEqual([8, 4]);
    expect([at(pixels, 0, 0), at(pixels, 7, 3)]).toEqual([
      [255, 0, 0],
      [0, 0, 255],
    ]);
  });

  it.each([
    ['JPEG', image().jpeg({ quality: 100, chromaSubsampling: '4:4:4' })],
    ['JPEG in CMYK', image().toColourspace('cmyk').jpeg({ quality: 100 })],
    ['AVIF', image().avif({ quality: 100, chromaSubsampling: '4:4:4' })],
  ])('reads %s, about', async (_, pipeline) => {
    const [red, , blue] = at(await decode(await open(await pipeline.toBuffer())), 0, 0) as [number, number, number];
    expect(red).toBeGreaterThan(200);
    expect(blue).toBeLessThan(60);
  });

  it('turns it as its EXIF says', async () => {
    const picture = await open(await image().withMetadata({ orientation: 6 }).png().toBuffer());
    expect([picture.width, picture.height]).toEqual([4, 8]);
    const pixels = await decode(picture);
    expect([pixels.width, pixels.height]).toEqual([4, 8]);
    expect([at(pixels, 0, 0), at(pixels, 0, 7)]).toEqual([
      [255, 0, 0],
      [0, 0, 255],
    ]);
  });

  it('gives grey three equal channels', async () => {
    const grey = sharp(Buffer.from([0, 100, 200, 255]), { raw: { width: 2, height: 2, channels: 1 } });
    const pixels = await decode(await open(await grey.toColourspace('b-w').png().toBuffer()));
    expect([...pixels.data]).toEqual([0, 0, 0, 100, 100, 100, 200, 200, 200, 255, 255, 255]);
  });

  it('lays transparency over white', async () => {
    const clear = sharp(Buffer.from([0, 0, 0, 0, 10, 20, 30, 255]), { raw: { width: 2, height: 1, channels: 4 } });
    const pixels = await decode(await open(await clear.png().toBuffer()));
    expect([...pixels.data]).toEqual([255, 255, 255, 10, 20, 30]);
  });

  it('brings 16 bits to 8', async () => {
    const deep = sharp(Uint16Array.from([0, 32_896, 65_535]), { raw: { width: 1, height: 1, channels: 3 } });
    const png = await deep.toColourspace('rgb16').png().toBuffer();
    expect((await sharp(png).metadata()).depth).toBe('ushort');
    const [red, green, blue] = at(await decode(await open(png)), 0, 0);
    expect([red, blue]).toEqual([0, 255]);
    expect(Math.abs(green! - 128)).toBeLessThanOrEqual(1);
  });

  it('takes the first frame of an animation, and says so once', async () => {
    const frames = await sharp(await Promise.all([halves, inverted].map((data) => image(data).png().toBuffer())), {
      join: { animated: true },
    })
      .gif()
      .toBuffer();
    const warnings: string[] = [];
    const log = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
    const [picture] = await openPictures([dataUrl(frames), dataUrl(frames)], log);
    expect([picture!.width, picture!.height]).toEqual([8, 4]);
    expect(at(await decode(picture!), 0, 0)).toEqual([255, 0, 0]);
    expect(warnings).toEqual([expect.stringMatching(/^2 of 2 images are animated .*: the first frame is taken$/)]);
  });

  it('has one digest for the same bytes, wherever they lie', async () => {
    const [a, b] = [await image().png().toBuffer(), await image(inverted).png().toBuffer()];
    expect((await open(a)).digest).toBe((await open(a)).digest);
    expect((await open(a)).digest).not.toBe((await open(b)).digest);
  });
});

describe('what is no picture', () => {
  const refusal = (bytes: Uint8Array): Promise<unknown> =>
    open(bytes)
      .then(decode)
      .catch((error: unknown) => error);

  it('is refused when empty', async () => {
    expect(await refusal(new Uint8Array())).toMatchObject({
      code: 'INVALID_MEDIA',
      message: expect.stringContaining('empty') as string,
    });
  });

  it.each(['png', 'jpeg', 'webp'] as const)('is refused when a %s is cut short', async (format) => {
    const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 251));
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    expect(await refusal(whole)).not.toBeInstanceOf(FungiError);
    expect(await refusal(whole.subarray(0, whole.length * 0.6))).toMatchObject({ code: 'INVALID_MEDIA' });
  });

  it('is refused when it would fill the memory, by its header', async () => {
    // A PNG header of 30,000 × 30,000 pixels, of which no data follow.
    const png = await image().png().toBuffer();
    png.writeUInt32BE(30_000, 16);
    png.writeUInt32BE(30_000, 20);
    const error = await refusal(png);
    expect(error).toMatchObject({ code: 'INVALID_MEDIA' });
    expect((error as FungiError).message).toMatch(/pixel/i);
    expect((error as FungiError).hint).toMatch(/smaller/);
    expect(IMAGE_LIMITS.maxPixels).toBeLessThan(30_000 ** 2);
  });

  it('is refused when it is SVG, even under the name of a PNG', async () => {
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>';
    expect(await refusal(Buffer.from(svg))).toMatchObject({
      code: 'INVALID_MEDIA',
      message: expect.stringContaining('SVG') as string,
    });
  });

  it('ends in a typed error, whatever the bytes', async () => {
    const png = await image().png().toBuffer();
    const damaged = fc
      .tuple(fc.nat({ max: png.length - 1 }), fc.nat({ max: 255 }))
      .map(([place, value]) => Uint8Array.from(png, (byte, i) => (i === place ? value : byte)));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), async (bytes) => {
        const found = await refusal(bytes);
        if (found instanceof Error) expect(FungiError.is(found, 'INVALID_MEDIA')).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
