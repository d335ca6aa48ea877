import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { assertMedia, readMedia } from '../../../src/encoders/media/read-media.js';

const limits = { maxBytes: 1000 };
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-media-'));
  await writeFile(join(folder, 'ä b#1.png'), 'bytes');
  await writeFile(join(folder, 'empty.png'), '');
  await writeFile(join(folder, 'large.png'), Buffer.alloc(1001));
  await mkdir(join(folder, 'folder.png'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('readMedia', () => {
  it('reads paths, file URLs and data URLs', async () => {
    const path = join(folder, 'ä b#1.png');
    const encoded = Buffer.from('bytes').toString('base64');
    const items = [path, pathToFileURL(path).href, `data:image/png;base64,${encoded}`, `data:;base64,${encoded}`];
    for (const bytes of await readMedia(items, limits)) expect(Buffer.from(bytes).toString()).toBe('bytes');
  });

  it('returns the bytes of a data URL, whatever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 700 }), async (bytes) => {
        const item = `data:audio/wav;base64,${Buffer.from(bytes).toString('base64')}`;
        expect(new Uint8Array((await readMedia([item], limits))[0]!)).toEqual(bytes);
      }),
    );
  });

  it.each([
    ['a remote address', 'https://example.com/cat.png', 'INVALID_MEDIA', /never fetched/],
    ['an address of the local network', 'http://169.254.169.254/', 'INVALID_MEDIA', /never fetched/],
    ['a data URL without base64', 'data:text/plain,hello', 'INVALID_MEDIA', /base64/],
    ['a data URL of other characters', 'data:image/png;base64,***', 'INVALID_MEDIA', /not base64/],
    ['an empty data URL', 'data:image/png;base64,', 'INVALID_MEDIA', /empty/],
    ['a data URL that is too large', `data:image/png;base64,${'A'.repeat(1400)}`, 'INVALID_MEDIA', /at most/],
    ['a NUL in a path', 'a\0b', 'INVALID_MEDIA', /no path/],
    ['a file URL of another machine', 'file://elsewhere/cat.png', 'INVALID_MEDIA', /this machine/],
  ] as const)('refuses %s', async (_, item, code, message) => {
    await expect(readMedia([item], limits)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });

  it.each([
    ['empty.png', 'INVALID_MEDIA', /empty/],
    ['large.png', 'INVALID_MEDIA', /at most/],
    ['folder.png', 'FILE_NOT_FOUND', /missing/],
  ] as const)('refuses %s', async (name, code, message) => {
    await expect(readMedia([join(folder, name)], limits)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('assertMedia', () => {
  it('names every missing file at once, each once', async () => {
    const missing = Array.from({ length: 12 }, (_, i) => join(folder, `gone-${i}.png`));
    const error: unknown = await assertMedia([join(folder, 'empty.png'), ...missing, missing[0]!], limits).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'FILE_NOT_FOUND', details: { missing } });
    expect((error as FungiError).message).toMatch(/^12 media files are missing: .*gone-9\.png and 2 more$/);
  });

  it('passes what is there', async () => {
    await assertMedia([join(folder, 'ä b#1.png'), 'data:image/png;base64,AAAA'], limits);
  });
});
