/** Whatever bytes come, the reply is one of ours. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exchangeRaw, harness, requestText, start, statusOf, stopAll } from './support.js';

let port = 0;
beforeAll(async () => {
  ({ port } = await start(harness({ limits: { bodyMs: 200 } }), { headersTimeoutMs: 300 }));
});
afterAll(stopAll);

function assertOurs(reply: string): void {
  const status = statusOf(reply);
  expect(status).toBeGreaterThanOrEqual(200);
  expect(status).toBeLessThan(500);
  expect(reply).not.toMatch(/<html|<!doctype|node_modules|\.ts:\d/i);
  if (status >= 400) expect(reply).toMatch(/"code":"[A-Z_]+"/);
}

const bytes = fc.uint8Array({ maxLength: 200 });
const pieces = fc
  .array(fc.constantFrom('{"text":', '"a"', '}', '{', '[', ']', ',', '"', '\\', '1e999', 'null', '"\\ud800"', '\n'), {
    maxLength: 12,
  })
  .map((all) => Buffer.from(all.join('')));
const types = fc.constantFrom(
  'application/json',
  'application/x-ndjson',
  'text/plain',
  'application/json;charset=utf-16',
  ';',
);
const codings = fc.constantFrom('identity', 'identity', 'gzip', 'br');

describe('arbitrary bytes', () => {
  it('as a body end in no 5xx and no page', async () => {
    const paths = fc.constantFrom('/v1/echo', '/v1/openai', '/v1/lines', '/livez', '/nowhere');
    await fc.assert(
      fc.asyncProperty(paths, fc.oneof(bytes, pieces), types, codings, async (path, body, type, coding) => {
        const head = requestText(path, '', {
          'Content-Length': String(body.length),
          'Content-Type': type,
          'Content-Encoding': coding,
        });
        assertOurs(await exchangeRaw(port, head, body));
      }),
      { numRuns: 250 },
    );
  });

  it('as a request end in no 5xx and no page', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 60 }), async (garbage) => {
        // Closed by the second blank line at the latest: there is no verb of such bytes.
        const reply = await exchangeRaw(port, Buffer.concat([Buffer.from([0]), garbage, Buffer.from('\r\n\r\n')]));
        assertOurs(reply);
      }),
      { numRuns: 60 },
    );
  });
});
