/** Model processes that die or hang under queries: another takes their place, and nobody is told. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inPlace } from '../../selector/support.js';
import { withServers, type Answer, type ServerProcess } from './server-process.js';
import { buildTiny, INDEX, retrieve, textOf } from './support.js';

/** Asks for one text after another, by several clients at once, until `enough` has settled. */
async function queriesUntil(server: ServerProcess, enough: Promise<unknown>, clients = 3): Promise<Answer[]> {
  const over = new AbortController();
  void enough.finally(() => {
    over.abort();
  });
  const answers: Answer[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (!over.signal.aborted) answers.push(await retrieve(server, textOf(next++)));
  };
  await Promise.all(Array.from({ length: clients }, client));
  await enough;
  return answers;
}

async function restarts(server: ServerProcess): Promise<number> {
  const metrics = await server.text('/metrics');
  return Number(/^fungi_worker_restarts_total (\d+)$/m.exec(metrics)![1]);
}

const failed = (answers: readonly Answer[]): Answer[] => answers.filter(({ status }) => status !== 200);

it(
  'fails no query when they are killed',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      await withServers(place, async (start) => {
        const server = await start({
          options: ['--preload', INDEX, '--max-wait-ms', '60000', '--deadline-ms', '60000'],
        });
        const killing = async (): Promise<void> => {
          for (let count = 0; count < 3; count++) {
            const [pid] = await server.modelPids();
            process.kill(pid!, 'SIGKILL');
            // Its successor is there, and some of the time is still loading the model when it is killed.
            await expect.poll(() => server.modelPids(), { timeout: 60_000 }).not.toEqual([pid]);
            await expect.poll(() => server.modelPids(), { timeout: 60_000 }).toHaveLength(1);
            await pause(200);
          }
          await expect.poll(async () => (await retrieve(server, textOf(99_999))).status, { timeout: 60_000 }).toBe(200);
        };
        const answers = await queriesUntil(server, killing());
        expect(failed(answers)).toEqual([]);
        expect(answers.length).toBeGreaterThanOrEqual(3); // each client got through at least once
        expect(await restarts(server)).toBe(3);
        expect((await server.ask('/readyz')).status).toBe(200);
      });
    }),
  240_000,
);

it(
  'are replaced when they hang, and the queries that waited are answered',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      await withServers(place, async (start) => {
        const limits = ['--run-limit-ms', '2000', '--max-wait-ms', '60000', '--deadline-ms', '60000'];
        const server = await start({ options: ['--preload', INDEX, ...limits] });
        const [hung] = await server.modelPids();
        process.kill(hung!, 'SIGSTOP');
        const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => retrieve(server, textOf(i))));
        expect(failed(answers)).toEqual([]);
        expect(await restarts(server)).toBeGreaterThan(0);
        expect(await server.modelPids()).not.toContain(hung);
      });
    }),
  240_000,
);
