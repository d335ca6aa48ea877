/** A server that is killed while it stores examples: what it acknowledged is there afterwards, once. */
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Rng } from '../../../src/core/rng.js';
import { inPlace } from '../../selector/support.js';
import { withServers, type ServerProcess } from './server-process.js';
import { buildTiny, examplesOf, INDEX, onDisk, ROWS } from './support.js';

/** How many points of the series are tried. */
const KILLS = Number(process.env['TEST_KILLS'] ?? 2);
const BATCH = 256;
const BATCHES = 4;

/** Sends lines, and hands on the count of each acknowledgement. @returns the last */
async function ingest(server: ServerProcess, lines: string, onAcknowledged: (count: number) => void): Promise<number> {
  const headers = { 'Content-Type': 'application/x-ndjson' };
  const path = `${server.url}/v1/indexes/${INDEX}/examples`;
  const response = await fetch(path, { method: 'POST', headers, body: lines });
  expect(response.status).toBe(200);
  let acknowledged = 0;
  let text = '';
  const parts = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    // Of a process that is gone the connection breaks.
    const { done, value = '' } = await parts.read().catch(() => ({ done: true as const, value: undefined }));
    if (done) return acknowledged;
    const whole = `${text}${value}`.split('\n');
    text = whole.pop()!;
    for (const line of whole) {
      ({ acknowledged } = JSON.parse(line) as { acknowledged: number });
      onAcknowledged(acknowledged);
    }
  }
}

it(
  'keeps every acknowledged row and none twice, wherever it is killed',
  () =>
    inPlace(async (place) => {
      await buildTiny(place);
      await withServers(place, async (start) => {
        let server = await start({ options: ['--preload', INDEX] });
        let rows = ROWS;
        const cut: number[] = [];
        for (let point = 0; point < KILLS; point++) {
          const rng = Rng.stream(31, 'kill points', point);
          // Some time behind an acknowledgement: while the next batch is encoded, written, sealed or told of.
          const [batch, wait] = [rng.int(BATCHES - 1) + 1, rng.int(100)];
          const examples = examplesOf(`p${point}-`, BATCH * BATCHES);
          const lines = examples.map((each) => JSON.stringify(each)).join('\n');
          const { pid } = server;
          const acknowledged = await ingest(server, lines, (count) => {
            if (count === batch * BATCH) void pause(wait).then(() => process.kill(pid, 'SIGKILL'));
          });
          await server.end();
          cut.push(acknowledged);

          server = await start({ options: ['--preload', INDEX] });
          const { ids, problems } = await onDisk(place);
          expect(problems, `point ${point}`).toEqual([]);
          expect(new Set(ids).size).toBe(ids.length);
          const told = examples.slice(0, acknowledged).map(({ id }) => id);
          expect(ids).toEqual(expect.arrayContaining(told));
          // What was written and not told of any more is there by whole batches.
          expect((ids.length - rows) % BATCH).toBe(0);
          rows = ids.length;
          const { status, body } = await server.ask(`/v1/indexes/${INDEX}`);
          expect([status, body['state'], body['rows']]).toEqual([200, 'ready', rows]);
        }
        // Otherwise nothing was in the way of what was killed.
        expect(Math.min(...cut)).toBeLessThan(BATCH * BATCHES);
      });
    }),
  60_000 + KILLS * 30_000,
);
