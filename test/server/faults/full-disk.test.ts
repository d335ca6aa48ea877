/** A disk that is full under a server: writes are refused with 507, reads go on, and once there is room so do writes. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { inPlace, placeIn } from '../../selector/support.js';
import { withServers } from './server-process.js';
import { add, buildTiny, examplesOf, idsOf, INDEX, onDisk } from './support.js';

const MEGABYTES = 12;

/** Mounting is for root, and not in every container: tests/store/full-disk.test.ts shows the same without, below HTTP. */
function mounted(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${MEGABYTES}m`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

it(
  'refuses writes with 507, goes on reading, and writes again when there is room',
  (context) =>
    inPlace(async (made) => {
      const disk = join(made.folder, 'disk');
      await mkdir(disk);
      if (!mounted(disk)) context.skip('a file system cannot be mounted here');
      try {
        const place = placeIn(disk);
        await cp(join(made.folder, 'model'), join(disk, 'model'), { recursive: true });
        await buildTiny(place);
        await withServers(place, async (start) => {
          const server = await start({ options: ['--preload', INDEX] });
          expect((await add(server, examplesOf('before-', 3))).status).toBe(200);
          const before = await idsOf(server);

          const ballast = join(disk, 'ballast');
          await writeFile(ballast, Buffer.alloc(MEGABYTES * 2 ** 20)).catch(() => undefined); // as much as there is room for
          const refused = await add(server, examplesOf('refused-', 500));
          expect(refused).toMatchObject({ status: 507, body: { code: 'STORAGE_FAILED' } });
          expect(await idsOf(server)).toEqual(before);

          await rm(ballast);
          expect((await add(server, examplesOf('after-', 3))).status).toBe(200);
          const after = [...before, 'after-0', 'after-1', 'after-2'].sort();
          expect(await idsOf(server)).toEqual(after);
          expect(await onDisk(place)).toEqual({ ids: after, problems: [] });
        });
      } finally {
        execFileSync('umount', ['-l', disk]);
      }
    }),
  240_000,
);
