/** To the library an item of an image or audio encoder may be a path. From a client it never is one. */
import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Modality } from '../../../src/core/item.js';
import { FungiError } from '../../../src/core/errors.js';
import { readMedia } from '../../../src/encoders/media/read-media.js';
import { assertClientItems } from '../../../src/server/routes/client-items.js';
import { ask, askJson, askStream, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

let folder: string;
let secret: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-server-media-'));
  secret = join(folder, 'secret.png');
  await writeFile(secret, 'the secret');
});
afterAll(() => rm(folder, { recursive: true }));

const DATA = 'data:image/png;base64,iVBORw0KGgo=';
const path = { name: 'media' };
const MEDIA = ['image', 'audio'] as const;

const naming = (file: string): string[] => [
  ...[file, `file://${file}`, `FILE://${file}`, ` ${file}`, `./${file}`, `data:${file}`, `data:image/png,${file}`],
  ...[
    `\n${DATA}`,
    ` ${DATA}`,
    `x${DATA}`,
    'data:image/png;base64',
    'data:',
    'C:\\secret.png',
    '\\\\host\\share\\a.png',
  ],
  ...[
    'http://127.0.0.1/a.png',
    'https://example.com/a.png',
    'ftp://host/a.png',
    'blob:x',
    'secret',
    '~/a.png',
    '/dev/zero',
  ],
  ...['file:///proc/self/environ', '../../../../etc/passwd', '%2e%2e/a.png', 'data://a;base64,x/../../etc/passwd'],
];

async function media(modality: Modality) {
  const catalogue = new FakeCatalogue({ 'owner/pictures': 'image', 'owner/sounds': 'audio', 'owner/letters': 'text' });
  const { featurizer, selector } = await catalogue.put('media', [{ id: 'in', input: DATA, label: 'a' }], { modality });
  return { catalogue, featurizer, selector };
}

describe.each(MEDIA)('an index of %ss', (modality) => {
  const encoder = modality === 'image' ? 'owner/pictures' : 'owner/sounds';
  const requests = (item: string): [operation: string, asked: object][] => [
    ['retrieve', { path, body: { query: item } }],
    ['retrieve', { path, body: { queries: [DATA, item] } }],
    ['prompt', { path, body: { query: item } }],
    ['answer', { path, body: { query: item } }],
    [
      'addExamples',
      {
        path,
        body: {
          examples: [
            { input: DATA, label: 'a' },
            { input: item, label: 'a' },
          ],
        },
      },
    ],
    ['createEmbedding', { body: { model: 'media', input: item } }],
    ['createEmbedding', { body: { model: 'media', input: [DATA, item] } }],
    ['createEmbedding', { body: { model: encoder, input: item } }],
    ['createIndex', { body: { name: 'new', encoder, examples: [{ input: item, label: 'a' }] } }],
  ];

  it('takes no path, file or web address from a client, on any route: nothing is computed, stored or built', async () => {
    for (const item of naming(secret)) {
      for (const [operation, asked] of requests(item)) {
        const { catalogue, featurizer, selector } = await media(modality);
        expect(await codeOf(ask(catalogue, operation, asked)), `${operation} ${item}`).toBe('INVALID_MEDIA');
        expect([featurizer.items, catalogue.builds, selector.size]).toEqual([[], [], 1]);
      }
    }
  });

  it('takes none by line either', async () => {
    for (const item of naming(secret)) {
      const { catalogue, featurizer } = await media(modality);
      const { values, error } = await askStream(catalogue, 'addExamples', {
        path,
        lines: [{ input: item, label: 'a' }],
      });
      expect(error).toMatchObject({ code: 'INVALID_MEDIA', message: expect.stringContaining('line 1') as string });
      expect([values, featurizer.items]).toEqual([[], []]);
    }
  });

  it('says nothing of what it was given, nor whether that is there', async () => {
    const messages = new Set<string>();
    for (const item of [secret, `${secret}.none`]) {
      const { catalogue } = await media(modality);
      await ask(catalogue, 'retrieve', { path, body: { query: item } }).catch((error: unknown) => {
        messages.add(`${(error as FungiError).message} ${(error as FungiError).hint}`);
      });
    }
    expect(messages.size).toBe(1);
    expect([...messages][0]).not.toContain('secret');
  });

  it('takes data URLs', async () => {
    for (const [operation, asked] of requests(DATA.replace('=', ''))) {
      if (['prompt', 'answer'].includes(operation)) continue; // these read the media
      expect(await codeOf(ask((await media(modality)).catalogue, operation, asked))).toBeUndefined();
    }
  });

  it('does not tell where its own files lie', async () => {
    const { catalogue, selector } = await media(modality);
    await selector.add([{ id: 'file', input: secret, label: 'b' }]);
    const reply = await askJson(catalogue, 'retrieve', { path, body: { query: DATA } });
    expect(JSON.stringify(reply)).not.toContain('secret');
    const inputs = (reply['examples'] as { id: string; input: string | null }[]).map(({ id, input }) => [id, input]);
    expect(Object.fromEntries(inputs)).toEqual({ in: DATA, file: null });
  });

  it('says that the index is damaged, and not where, when a file of it is gone', async () => {
    const { catalogue, selector } = await media(modality);
    await selector.remove(['in']);
    await selector.add([{ id: 'file', input: `${secret}.gone`, label: 'b' }]);
    const query = modality === 'image' ? TINY_PNG : TINY_WAV;
    const prompt = ask(catalogue, 'prompt', { path, body: { query } });
    const error = await prompt.then(
      () => undefined,
      (error: unknown) => error as FungiError,
    );
    expect(error).toMatchObject({ code: 'INDEX_CORRUPT', message: expect.stringContaining('"file"') as string });
    expect(`${error!.message} ${error!.hint}`).not.toContain('secret');
  });
});

describe('whatever passes for a medium', () => {
  const nearly = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc
      .tuple(
        fc.constantFrom('', ' ', '\n', '\0', '/', 'x'),
        fc.constantFrom('data:', 'DATA:', 'data'),
        fc.string(),
        fc.constantFrom(';base64,', ',', ''),
        fc.string(),
      )
      .map((parts) => parts.join('')),
  );

  it('is never read from a file', async () => {
    await fc.assert(
      fc.asyncProperty(nearly, async (item) => {
        try {
          assertClientItems([item], 'image', () => 'it');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_MEDIA' });
          return;
        }
        const read = readMedia([item], { maxBytes: 1000 });
        // Its own bytes, or no base64. A path would be FILE_NOT_FOUND.
        expect(await codeOf(read)).toSatisfy((code) => code === undefined || code === 'INVALID_MEDIA');
        expect(item.toLowerCase().startsWith('data:') && item.includes(';base64,')).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an index of texts', () => {
  it('takes all of these as texts', async () => {
    for (const item of naming(secret)) {
      const { catalogue, featurizer } = await media('text');
      expect(await codeOf(ask(catalogue, 'retrieve', { path, body: { query: item } }))).toBeUndefined();
      expect(featurizer.items).toEqual([item]);
    }
  });
});

/** 1 × 1, grey. */
const TINY_PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==';
const wav = Buffer.alloc(44 + 32);
wav.write('RIFF', 0);
wav.writeUInt32LE(36 + 32, 4);
wav.write('WAVEfmt ', 8);
wav.writeUInt32LE(16, 16);
wav.writeUInt16LE(1, 20);
wav.writeUInt16LE(1, 22);
wav.writeUInt32LE(16_000, 24);
wav.writeUInt32LE(32_000, 28);
wav.writeUInt16LE(2, 32);
wav.writeUInt16LE(16, 34);
wav.write('data', 36);
wav.writeUInt32LE(32, 40);
const TINY_WAV = `data:audio/wav;base64,${wav.toString('base64')}`;
