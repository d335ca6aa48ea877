import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { openClip, openClips } from '../../../src/encoders/audio/clip.js';
import { fixture } from '../../support/golden.js';
import { dataUrl, floatWav, int16, tone, wav } from './sounds.js';

const HEARING = { sampleRate: 16_000, maxSamples: 480_000 };
const golden = (name: string): Uint8Array => new Uint8Array(readFileSync(fixture(`audio/${name}`)));
const open = (bytes: Uint8Array, hearing = HEARING) => openClip(bytes, 'x.wav', hearing);

async function refusal(bytes: Uint8Array): Promise<FungiError> {
  const error: unknown = await open(bytes).catch((thrown: unknown) => thrown);
  if (!FungiError.is(error, 'INVALID_MEDIA')) throw new Error(`not refused: ${String(error)}`);
  expect(error.message).toMatch(/^x\.wav: /);
  expect(error.hint).toBeDefined();
  return error;
}

describe('a clip', () => {
  it('is named by its bytes, and has the samples of one channel at the rate that is wanted', async () => {
    const stereo = new Float32Array(3200);
    tone(1600).forEach((value, i) => {
      stereo.set([value, value / 2], 2 * i);
    });
    const clip = await open(wav({ channels: 2, data: int16(stereo) }));
    const mono = await open(wav({ data: int16(tone(1600).map((value) => value * 0.75)) }));
    expect(clip.samples.length).toBe(1600);
    clip.samples.forEach((value, i) => {
      expect(Math.abs(value - mono.samples[i]!)).toBeLessThan(1e-4);
    });
    expect(clip.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(clip.digest).not.toBe(mono.digest);
  });

  it('is resampled: a tone stays the tone that it was', async () => {
    const { samples } = await open(floatWav(tone(8000, 440, 8000), 8000));
    const wanted = tone(16_000, 440, 16_000);
    expect(samples.length).toBe(16_000);
    for (let i = 100; i < 15_900; i++) expect(Math.abs(samples[i]! - wanted[i]!)).toBeLessThan(5e-3);
  });

  it('is cut at what the encoder hears, and says so', async () => {
    const hearing = { sampleRate: 16_000, maxSamples: 1000 };
    const whole = await open(wav({ data: int16(tone(1000)) }), hearing);
    const cut = await open(wav({ data: int16(tone(1001)) }), hearing);
    const long = await open(wav({ data: int16(tone(20_000)) }), hearing);
    expect([whole, cut, long].map(({ truncated }) => truncated)).toEqual([false, true, true]);
    expect([whole, cut, long].map(({ samples }) => samples.length)).toEqual([1000, 1000, 1000]);
    expect(long.samples).toEqual(whole.samples);
  });

  it.each(['stereo.flac', 'mono.ogg', 'stereo.mp3', 'mono.opus', 'stereo16.wav'])(
    'of %s begins as it does when it is cut, but for what the filter at the cut looks at',
    async (name) => {
      const whole = await open(golden(name));
      const cut = await open(golden(name), { sampleRate: 16_000, maxSamples: 1000 });
      expect(cut.truncated).toBe(true);
      expect(cut.samples).toEqual(whole.samples.slice(0, 1000));
    },
  );

  it('may be silent', async () => {
    const { samples } = await open(wav({ data: new Uint8Array(3200) }));
    expect(samples.every((value) => value === 0)).toBe(true);
  });

  it('is read past chunks of odd length, and to the end where the writer did not know its length', async () => {
    const list = Buffer.concat([Buffer.from('LIST\x03\0\0\0', 'latin1'), Buffer.from('abc\0', 'latin1')]);
    const plain = await open(wav());
    expect((await open(wav({ extra: list }))).samples).toEqual(plain.samples);
    expect((await open(wav({ dataBytes: 0xffffffff }))).samples).toEqual(plain.samples);
    expect((await open(wav({ dataBytes: 0 }))).samples).toEqual(plain.samples);
  });

  it('is read behind an ID3 tag', async () => {
    const mp3 = golden('stereo.mp3');
    const tag = Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0, 20, ...new Array<number>(20).fill(0)]);
    const tagged = await open(new Uint8Array(Buffer.concat([tag, mp3])));
    expect(tagged.samples.length).toBe(4000);
  });
});

describe('INVALID_MEDIA', () => {
  it.each<[string, Uint8Array, RegExp]>([
    ['no bytes', new Uint8Array(), /empty/],
    ['a text', new TextEncoder().encode('What a lovely day it is.\n'), /is a text, not a sound.*WAV, FLAC, MP3/],
    ['a picture', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]), /is a PNG image/],
    ['an AAC file', new Uint8Array(Buffer.from('\0\0\0\x20ftypM4A \0\0\0\0', 'latin1')), /MP4 or M4A/],
    ['noise', new Uint8Array([1, 200, 3, 250, 9, 128, 77, 3]), /no sound that is known/],
    ['no samples', wav({ data: new Uint8Array() }), /0 samples/],
    ['0 Hz', wav({ sampleRate: 0 }), /0 Hz; read are 1000 to 768000 Hz/],
    ['4 GHz', wav({ sampleRate: 4e9 }), /4000000000 Hz/],
    ['no channels', wav({ channels: 0, blockAlign: 2 }), /0 channels/],
    ['65,535 channels', wav({ channels: 65_535, blockAlign: 2 }), /65535 channels; read are 1 to 32/],
    ['a header that does not fit together', wav({ channels: 2, blockAlign: 2 }), /does not fit together/],
    ['12 bits', wav({ bits: 12, blockAlign: 2 }), /12 bits; read are 8, 16, 24, 32/],
    ['ADPCM', wav({ codec: 2, bits: 4, blockAlign: 256 }), /kind 0x2/],
    ['NaN', floatWav([0, 0.1, NaN, 0.2]), /sample 2 is NaN/],
    ['infinite samples', floatWav([0, -Infinity]), /sample 1 is -Infinity/],
    ['1e30', floatWav([0.5, 1e30]), /sample 1 is 1/],
    [
      'more samples stated than there',
      wav({ dataBytes: 100_000 }),
      /cut off or damaged.*100000 bytes of samples, and 3200 are there/,
    ],
    ['a header alone', wav().subarray(0, 30), /cut off or damaged: it ends before its samples begin/],
    [
      'ten hours in a header',
      wav({ sampleRate: 1000, dataBytes: 2 * 1000 * 36_000 }),
      /length of 36000 s; sounds may have 3600 s/,
    ],
  ])('%s', async (_, bytes, message) => {
    expect((await refusal(bytes)).message).toMatch(message);
  });

  it.each(['stereo.flac', 'mono.ogg', 'stereo.mp3', 'mono.opus', 'pcm16.wav', 'extensible.wav'])(
    '%s cut off anywhere behind its header',
    async (name) => {
      const bytes = golden(name);
      for (const share of [0.2, 0.5, 0.9, 0.99]) {
        expect((await refusal(bytes.subarray(0, Math.floor(bytes.length * share)))).message).toMatch(/cut off|damaged/);
      }
    },
  );

  it('a FLAC that states ten hours, before it is decoded', async () => {
    const bytes = golden('stereo.flac');
    bytes[21] = 0xf0 | 15;
    expect((await refusal(bytes)).message).toMatch(/states a length of/);
  });

  it('FLAC and Ogg files with damaged frames, which decoders pass over', async () => {
    for (const name of ['stereo.flac', 'mono.ogg', 'mono.opus']) {
      const bytes = golden(name);
      for (let i = 0; i < 40; i++) bytes[bytes.length - 100 - 10 * i]! ^= 0x55;
      expect((await refusal(bytes)).message).toMatch(/damaged/);
    }
  });
});

describe('bytes of any kind', () => {
  const opened = async (bytes: Uint8Array): Promise<void> => {
    try {
      const { samples, truncated } = await open(bytes, { sampleRate: 16_000, maxSamples: 16_000 });
      expect(samples.length).toBeGreaterThan(0);
      expect(samples.length).toBeLessThanOrEqual(16_000);
      expect(samples.every(Number.isFinite)).toBe(true);
      expect(typeof truncated).toBe('boolean');
    } catch (error) {
      if (!FungiError.is(error, 'INVALID_MEDIA')) throw error;
    }
  };

  it('are a clip or a typed error', async () => {
    const beginnings = [
      '',
      'RIFF\0\0\0\0WAVE',
      'RIFF\0\0\0\0WAVEfmt \x10\0\0\0',
      'fLaC',
      'OggS',
      'ID3',
      '\xff\xfb\x90\x64',
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...beginnings), fc.uint8Array({ maxLength: 400 }), async (beginning, rest) => {
        await opened(new Uint8Array([...Buffer.from(beginning, 'latin1'), ...rest]));
      }),
      { numRuns: 300 },
    );
  });

  it('are a clip or a typed error, of files with some bytes changed', async () => {
    const names = ['stereo.flac', 'mono.ogg', 'stereo.mp3', 'mono.opus', 'stereo16.wav', 'float32.wav', 'mulaw.wav'];
    const files = new Map(names.map((name) => [name, golden(name)]));
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        async (name, changes) => {
          const bytes = files.get(name)!.slice();
          for (const [at, value, early] of changes) bytes[at % (early ? 128 : bytes.length)] = value;
          await opened(bytes);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('of a WAV file with any header are a clip or a typed error', async () => {
    const header = fc.record({
      codec: fc.constantFrom(1, 3, 6, 7, 2, 0x11, 0x55),
      channels: fc.constantFrom(0, 1, 2, 3, 32, 33, 65_535),
      sampleRate: fc.constantFrom(0, 1, 999, 1000, 7919, 44_101, 768_000, 2 ** 32 - 1),
      bits: fc.constantFrom(0, 8, 16, 24, 32, 64, 65_535),
      data: fc.uint8Array({ maxLength: 300 }),
    });
    await fc.assert(
      fc.asyncProperty(header, async (parts) => {
        await opened(wav({ ...parts, blockAlign: Math.min(65_535, Math.floor((parts.channels * parts.bits) / 8)) }));
      }),
      { numRuns: 300 },
    );
  });
});

describe('items', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fungi-audio-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it('are files whose content counts and not their name, and data URLs', async () => {
    const path = join(folder, 'mp3-in-truth.wav');
    await writeFile(path, golden('stereo.mp3'));
    const [file, url] = await openClips([path, dataUrl(golden('stereo.mp3'))], HEARING);
    expect(file).toEqual(url);
  });

  it('that are not there or no sound are named', async () => {
    const missing = join(folder, 'nowhere.wav');
    await expect(openClips([missing], HEARING)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const bad = join(folder, 'text.wav');
    await writeFile(bad, 'no sound');
    await expect(openClips([bad], HEARING)).rejects.toThrow(`${bad}: is a text`);
  });
});
