/** Two servers over one folder: both write, and both end up with what either wrote, once. */
import { expect, it } from 'vitest';
import { inPlace } from '../../selector/support.js';
import { withServers, type ServerProcess } from './server-process.js';
import { add, buildTiny, examplesOf, idsOf, INDEX, onDisk, ROWS } from './support.js';

const BATCHES = 6;
const BATCH = 10;

it(
  'have the union of what they were given, rows that both were given among it once',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      await withServers(place, async (start) => {
        const options = ['--preload', INDEX];
        const [one, two] = await Promise.all([start({ options }), start({ options })]);
        const shared = examplesOf('both-', BATCHES * BATCH);
        const write = async (server: ServerProcess, prefix: string): Promise<void> => {
          const own = examplesOf(prefix, BATCHES * BATCH);
          for (let at = 0; at < own.length; at += BATCH) {
            const batch = [...own.slice(at, at + BATCH), ...shared.slice(at, at + BATCH)];
            let reply = await add(server, batch);
            // The other one is writing: the client is told to try again, and does.
            while (reply.status === 423) reply = await add(server, batch);
            expect(reply).toMatchObject({ status: 200 });
          }
        };
        await Promise.all([write(one, 'one-'), write(two, 'two-')]);

        const ids = (prefix: string, count: number): string[] =>
          Array.from({ length: count }, (_, i) => `${prefix}${i}`);
        const all = ['one-', 'two-', 'both-'].flatMap((prefix) => ids(prefix, BATCHES * BATCH));
        const expected = [...ids('r', ROWS), ...all].sort();
        for (const server of [one, two]) {
          await expect.poll(() => idsOf(server), { timeout: 30_000, interval: 200 }).toEqual(expected);
        }
        expect(await onDisk(place)).toEqual({ ids: expected, problems: [] });
      });
    }),
  240_000,
);
