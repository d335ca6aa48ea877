/** What becomes of image and sound files on their way into a prompt. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openClip } from '../../../src/encoders/audio/clip.js';
import { wavHeader } from '../../../src/encoders/audio/wav-header.js';
import { PromptMediaReader } from '../../../src/encoders/media/prompt-media.js';
import { floatWav, tone, wav } from '../audio/sounds.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-prompt-media-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function file(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, bytes);
  return path;
}

const red = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0 } } });

it('an image is shrunk to its longest side, upright and without what the camera wrote', async () => {
  const bytes = await red(400, 100).jpeg().withMetadata({ orientation: 6 }).toBuffer();
  const { type, bytes: small } = await new PromptMediaReader().image(await file('a.jpg', bytes), 200);
  const { width, height, exif, format } = await sharp(small).metadata();
  expect([type, format, width, height, exif]).toEqual(['image/jpeg', 'jpeg', 50, 200, undefined]);
});

it('a small drawing is not enlarged, stays PNG, and lies on white', async () => {
  const path = await file('a.png', await red(40, 30).png().toBuffer());
  const { type, bytes } = await new PromptMediaReader().image(path, 512);
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  expect([type, info.width, info.height, ...data.subarray(0, 3)]).toEqual(['image/png', 40, 30, 255, 255, 255]);
});

it('a file that was replaced is read anew, one that was not is not encoded again', async () => {
  const reader = new PromptMediaReader();
  const path = await file('b.png', await red(8, 8).png().toBuffer());
  const first = await reader.image(path, 512);
  expect(await reader.image(path, 512)).toBe(first);
  await file('b.png', await red(9, 8).png().toBuffer());
  expect((await sharp((await reader.image(path, 512)).bytes).metadata()).width).toBe(9);
  expect((await sharp((await reader.image(path, 4)).bytes).metadata()).width).toBe(4);
});

it('a WAV file of 16 bits stays as it is', async () => {
  const bytes = wav();
  expect(await new PromptMediaReader().sound(await file('a.wav', bytes))).toEqual({
    type: 'audio/wav',
    bytes: Buffer.from(bytes),
  });
});

it('another sound becomes WAV of 16 bits at 16 kHz, and sounds the same', async () => {
  const path = await file('b.wav', floatWav(tone(3200, 440, 32_000), 32_000));
  const { type, bytes } = await new PromptMediaReader().sound(path);
  expect(type).toBe('audio/wav');
  expect(wavHeader(bytes)).toMatchObject({ codec: 1, channels: 1, sampleRate: 16_000, bits: 16, dataBytes: 3200 });
  const { samples } = await openClip(bytes, 'b', { sampleRate: 16_000, maxSamples: 16_000 });
  const middle = samples.subarray(100, 1500);
  const same = tone(1600).subarray(100, 1500);
  expect(Math.max(...middle.map((value, i) => Math.abs(value - same[i]!)))).toBeLessThan(0.01);
});

it.each([
  ['an image', 'x.png', (reader: PromptMediaReader, path: string) => reader.image(path, 512)],
  ['a sound', 'x.wav', (reader: PromptMediaReader, path: string) => reader.sound(path)],
])('%s that is damaged is refused', async (_name, name, read) => {
  const whole = name === 'x.png' ? await red(64, 64).png().toBuffer() : Buffer.from(wav());
  const path = await file(name, whole.subarray(0, whole.length - 60));
  await expect(read(new PromptMediaReader(), path)).rejects.toMatchObject({ code: 'INVALID_MEDIA' });
});
