/** A server whose model takes long to open, or for ever: alive and not ready, so that nobody restarts it and nobody asks it. */
import { execFileSync } from 'node:child_process';
import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inPlace, type Place } from '../../selector/support.js';
import { withServers, type ServeOptions, type ServerProcess } from './server-process.js';
import { buildTiny, INDEX, retrieve } from './support.js';

/** Makes a file of the model a pipe: who opens the model waits until it is let go on. */
async function heldUp(place: Place): Promise<() => Promise<void>> {
  const file = join(place.folder, 'model', 'config.json');
  const bytes = await readFile(file);
  await rename(file, `${file}.kept`);
  execFileSync('mkfifo', [file]);
  return async () => {
    const pipe = await open(file, 'w'); // waits for who reads
    await rename(`${file}.kept`, file);
    await writeFile(pipe, bytes);
    await pipe.close();
  };
}

interface HeldUp {
  readonly start: (options?: ServeOptions) => Promise<ServerProcess>;
  readonly letGoOn: () => Promise<void>;
}

/** A place whose index was built, and whose model cannot be opened until it is let go on. */
const whileHeldUp = (work: (heldUp: HeldUp) => Promise<void>): Promise<void> =>
  inPlace(async (place) => {
    await buildTiny(place);
    const letGoOn = await heldUp(place);
    await withServers(place, (start) => work({ start, letGoOn }));
  });

describe.skipIf(process.platform === 'win32')('a model that is being opened', () => {
  it(
    'leaves the server alive, starting, and then ready; a request that came before is answered',
    () =>
      whileHeldUp(async ({ start, letGoOn }) => {
        const server = await start({ options: ['--preload', INDEX], until: 'listening' });
        expect((await server.ask('/livez')).status).toBe(200);
        expect(await server.ask('/readyz')).toEqual({
          status: 503,
          body: {
            status: 'starting',
            reasons: [{ part: `index ${INDEX}`, reason: 'it is being opened', impact: 'starting' }],
          },
        });
        const early = retrieve(server, 'cat sat');
        await letGoOn();
        await expect.poll(async () => (await server.ask('/readyz')).status, { timeout: 60_000 }).toBe(200);
        expect((await early).status).toBe(200);
      }),
    240_000,
  );

  it(
    'and hangs counts as dead after openLimitMs; and the server works once it can be opened',
    () =>
      whileHeldUp(async ({ start, letGoOn }) => {
        const server = await start({ options: ['--preload', INDEX, '--open-limit-ms', '8000'] });
        expect(await server.ask('/readyz')).toMatchObject({
          status: 503,
          body: {
            status: 'unready',
            reasons: expect.arrayContaining([
              { part: `index ${INDEX}`, reason: 'WORKER_FAILED', impact: 'unready' },
            ]) as unknown[],
          },
        });
        await letGoOn();
        // Nobody asks for it: it is tried again by itself.
        await expect.poll(async () => (await server.ask('/readyz')).status, { timeout: 60_000 }).toBe(200);
        expect(server.log().map(({ msg }) => msg)).toContain('index works again');
      }),
    240_000,
  );

  it(
    'does not keep the server from stopping',
    () =>
      whileHeldUp(async ({ start }) => {
        const server = await start({ options: ['--preload', INDEX], until: 'listening' });
        server.signal('SIGTERM');
        expect(await server.end()).toEqual([0, null]);
      }),
    240_000,
  );
});
