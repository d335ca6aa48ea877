/** SIGTERM while requests come: what the server has taken it answers, then it ends in good order. */
import { expect, it } from 'vitest';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { inPlace } from '../../selector/support.js';
import { withServers, type ServerProcess } from './server-process.js';
import { buildTiny, INDEX, textOf } from './support.js';

interface Outcome {
  /** Undefined where the connection broke. */
  readonly status: number | undefined;
  readonly body: string;
}

/** A connection of its own, so that one that was not accepted can be told from one that was cut. */
function ask(server: ServerProcess, body: object, onSent: () => void = () => undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    const request = httpRequest(`${server.url}/v1/indexes/${INDEX}/retrieve`, {
      method: 'POST',
      agent: new Agent(),
      headers: { 'Content-Type': 'application/json' },
    });
    request.once('finish', onSent);
    request.once('response', (response: IncomingMessage) => {
      text(response).then(
        (whole) => {
          resolve({ status: response.statusCode, body: whole });
        },
        () => {
          resolve({ status: undefined, body: 'cut' });
        },
      );
    });
    request.once('error', (error) => {
      resolve({ status: undefined, body: String(error) });
    });
    request.end(JSON.stringify(body));
  });
}

it.each(['the server alone', 'its whole process group'] as const)(
  'answers every request that it took, and exits with 0, when %s is told to stop',
  (who) =>
    inPlace(async (place) => {
      await buildTiny(place);
      await withServers(place, async (start) => {
        const server = await start({
          options: ['--preload', INDEX, '--max-wait-ms', '60000', '--deadline-ms', '60000', '--grace-ms', '3000'],
          hasOwnGroup: true,
        });
        let next = 0;
        const queries = (count: number): string[] => Array.from({ length: count }, () => textOf(next++));
        // Many texts each: these are under way when the signal comes.
        const long = Array.from({ length: 6 }, () => ask(server, { queries: queries(64), k: 3 }));
        const metric = async (): Promise<number> =>
          Number(/^http_requests_in_flight (\d+)$/m.exec(await server.text('/metrics'))![1]);
        await expect.poll(metric, { timeout: 20_000, interval: 5 }).toBeGreaterThan(1); // one is the question itself
        const outcomes: Outcome[] = [];
        const noticed = new AbortController();
        const client = async (): Promise<void> => {
          while (!noticed.signal.aborted) outcomes.push(await ask(server, { query: textOf(next++) }));
        };
        const clients = Array.from({ length: 4 }, client);
        await expect.poll(() => outcomes.length, { timeout: 60_000 }).toBeGreaterThan(3);
        const asked = performance.now();
        if (who === 'the server alone') server.signal('SIGTERM');
        else server.signalGroup('SIGTERM');
        // As a balancer does: it goes on sending until it sees that the server is not ready.
        await expect.poll(async () => (await server.ask('/readyz')).status, { interval: 20 }).toBe(503);
        noticed.abort();
        const [code, signal] = await server.end();
        await Promise.all(clients);
        outcomes.push(...(await Promise.all(long)));

        expect([code, signal]).toEqual([0, null]);
        expect(performance.now() - asked).toBeLessThan(30_000);
        expect(outcomes.filter(({ status }) => status !== 200)).toEqual([]);
        expect(outcomes.filter(({ status }) => status === 200).length).toBeGreaterThan(9);
        expect(server.log().at(-1)).toMatchObject({ msg: 'stopped' });
        expect(server.log().filter(({ msg }) => msg === 'index cannot be opened')).toEqual([]);
        expect(await server.modelPids()).toEqual([]);
      });
    }),
  240_000,
);
