/** Files of an index that are not what they were: a server refuses the index, or answers as if nothing had happened; it never errs. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, extname, join, relative } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { Rng } from '../../../src/core/rng.js';
import { readSettings } from '../../../src/server/configuration/read-settings.js';
import { startServer } from '../../../src/server/start.js';
import { inPlace, type Place } from '../../selector/support.js';
import { buildTiny, folderOf, INDEX, textOf } from './support.js';

/** How many bytes are tried of each file; without it one byte of one file of each kind, since each try starts a server. */
const FLIPS = process.env['TEST_FLIPS'] === undefined ? undefined : Number(process.env['TEST_FLIPS']);
const QUERIES = Array.from({ length: 4 }, (_, i) => textOf(i));

interface Reply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** What a server that is started on the place answers; it has no memory of how the place was before. */
async function answers(place: Place): Promise<{ readonly reply: Reply; readonly ready: number }> {
  const { indexes, encoder } = place.options(INDEX);
  const environment = { FUNGI_CACHE: join(place.folder, 'cache'), FUNGI_OFFLINE: '1' };
  const options = { port: '0', indexes: indexes!, encoders: encoder, preload: INDEX, threads: '1' };
  const settings = await readSettings({ options });
  const server = await startServer(settings, pino({ level: 'silent' }), environment);
  try {
    await server.preloaded;
    const response = await fetch(`${server.url}/v1/indexes/${INDEX}/retrieve`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ queries: QUERIES, k: 1000, includeVectors: true }),
    });
    const { status: ready } = await fetch(`${server.url}/readyz`);
    return { reply: { status: response.status, body: (await response.json()) as Record<string, unknown> }, ready };
  } finally {
    await server.stop();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Files of one folder with one ending are of one kind. */
function oneOfEachKind(files: readonly string[]): string[] {
  return [...new Map(files.map((file) => [`${dirname(file)} ${extname(file)}`, file])).values()];
}

async function flip(file: string, at: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[at]! ^= 1 << (at % 8);
  await writeFile(file, bytes);
}

it(
  'never answers anything else than before a bit of any file was turned',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      const whole = await answers(place);
      expect([whole.reply.status, whole.ready]).toEqual([200, 200]);
      const files = [...(await filesIn(await folderOf(place))), ...(await filesIn(join(place.folder, 'model')))];
      const refused = new Set<string>();
      for (const file of FLIPS === undefined ? oneOfEachKind(files) : files) {
        const name = relative(place.folder, file);
        const bytes = await readFile(file);
        if (bytes.length === 0) continue;
        const rng = Rng.stream(7, 'flips', name);
        for (let flips = 0; flips < (FLIPS ?? 1); flips++) {
          const at = rng.int(bytes.length);
          await flip(file, at);
          const { reply, ready } = await answers(place);
          if (reply.status === 200) expect(reply.body, `${name}, byte ${at}`).toEqual(whole.reply.body);
          else {
            expect(reply, `${name}, byte ${at}`).toMatchObject({ body: { code: expect.any(String) as string } });
            expect([409, 404, 422, 500, 503], `${name}, byte ${at}: ${JSON.stringify(reply.body)}`).toContain(
              reply.status,
            );
            expect(ready).toBe(503);
            refused.add(name);
          }
          await writeFile(file, bytes);
        }
      }
      expect((await answers(place)).reply.body).toEqual(whole.reply.body);
      // Otherwise nothing was turned that matters.
      expect([...refused].some((name) => name.endsWith('.safetensors'))).toBe(true);
      expect([...refused].some((name) => name.includes('.lance'))).toBe(true);
    }),
  600_000 + (FLIPS ?? 0) * 300_000,
);
