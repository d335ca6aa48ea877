/** Metrics on a port of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readSettings } from '../../../src/server/configuration/read-settings.js';
import { hashKey } from '../../../src/server/keys/hash.js';
import { startServer, type RunningServer } from '../../../src/server/start.js';

const KEY = 'canary-key';
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fungi-metrics-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function serving(options: Record<string, string>, work: (server: RunningServer) => Promise<void>): Promise<void> {
  const apiKeys = `team:read:${hashKey(KEY)}`;
  const settings = await readSettings({
    options: { port: '0', indexes: join(folder, 'indexes'), apiKeys, ...options },
  });
  const environment = { FUNGI_CACHE: join(folder, 'cache'), FUNGI_OFFLINE: '1' };
  const server = await startServer(settings, pino({ level: 'silent' }), environment);
  try {
    await work(server);
  } finally {
    await server.stop();
  }
}

const get = (url: string): Promise<Response> => fetch(url, { headers: { Authorization: `Bearer ${KEY}` } });

describe('metricsPort', () => {
  it('moves /metrics to a port that asks for no key, and has nothing else', async () => {
    let metricsUrl = '';
    await serving({ metricsPort: '0' }, async (server) => {
      metricsUrl = server.metricsUrl!;
      expect(new URL(metricsUrl).hostname).toBe('127.0.0.1');
      expect(new URL(metricsUrl).port).not.toBe(new URL(server.url).port);
      const reply = await fetch(metricsUrl);
      expect([reply.status, reply.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
      expect(await reply.text()).toMatch(/^fungi_ready 1$/m);
      expect((await get(`${server.url}/metrics`)).status).toBe(404);
      const { paths } = (await (await get(`${server.url}/openapi.json`)).json()) as { paths: object };
      expect(Object.keys(paths)).not.toContain('/metrics');
      expect(Object.keys(paths)).toContain('/readyz');
      for (const path of ['/', '/readyz', '/v1/indexes', '/metrics/']) {
        expect((await fetch(new URL(path, metricsUrl))).status, path).toBe(404);
      }
      expect((await fetch(metricsUrl, { method: 'POST' })).status).toBe(404);
    });
    await expect(fetch(metricsUrl)).rejects.toThrow();
  });

  it('is none by default: a key reads them on the main port', async () => {
    await serving({}, async (server) => {
      expect(server.metricsUrl).toBeUndefined();
      expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
      expect((await get(`${server.url}/metrics`)).status).toBe(200);
    });
  });

  it('that is taken leaves no server behind', async () => {
    await serving({ metricsPort: '0' }, async ({ metricsUrl }) => {
      const taken = { metricsPort: new URL(metricsUrl!).port };
      await expect(serving(taken, () => Promise.resolve())).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
    });
  });
});
