/** The proxy's route in the server's app beside all others, and an upstream that plays a script before it. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { createApp } from '../../../src/server/app.js';
import { chatRoute, type ChatRouteOptions } from '../../../src/server/chat/chat-route.js';
import type { Outcome } from '../../../src/server/chat/relay.js';
import { Upstream, type UpstreamOptions } from '../../../src/server/chat/upstream.js';
import type { HttpLimits } from '../../../src/server/http/limits.js';
import { createLog } from '../../../src/server/http/log.js';
import type { Route } from '../../../src/server/route.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { FakeCatalogue } from '../routes/fake-catalogue.js';
import { FakeUpstream, type Step } from './fake-upstream.js';

export const EXAMPLES = [
  { id: 'lost', input: 'my card was stolen', label: 'lost_card' },
  { id: 'late, too', input: 'the book is late', label: 'overdue' },
  { id: 'room', input: 'can i book a room', label: 'rooms' },
];
export const QUERY = { role: 'user', content: 'my card was stolen!' };
export const KEY = 'sk-upstream-0123456789';

export interface ProxyOptions extends Partial<Omit<ChatRouteOptions, 'upstream'>> {
  readonly upstream?: Partial<UpstreamOptions>;
  readonly limits?: Partial<HttpLimits>;
  /** In place of the script's server. */
  readonly baseUrl?: string;
}

export interface Proxy {
  readonly url: string;
  readonly upstream: FakeUpstream;
  readonly catalogue: FakeCatalogue;
  readonly outcomes: Outcome[];
  /** How long the waits between attempts were, milliseconds. */
  readonly waits: number[];
  readonly post: (body: unknown, headers?: Readonly<Record<string, string>>, signal?: AbortSignal) => Promise<Response>;
}

/** Ends with the test. No time passes between attempts. */
export async function startProxy(script: readonly Step[], options: ProxyOptions = {}): Promise<Proxy> {
  const upstream = await FakeUpstream.start(...script);
  const catalogue = new FakeCatalogue();
  await catalogue.put('help-desk', EXAMPLES, { storeId: 'g1' });
  const outcomes: Outcome[] = [];
  const waits: number[] = [];
  const { upstream: settings, baseUrl = upstream.baseUrl, limits, ...rest } = options;
  const client = new Upstream({
    baseUrl,
    apiKey: KEY,
    timing: {
      random: () => 1,
      sleep: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
    },
    ...settings,
  });
  const route = chatRoute({
    k: 1,
    ...rest,
    upstream: client,
    onEnd: (outcome, ms) => {
      outcomes.push(outcome);
      options.onEnd?.(outcome, ms);
    },
  }) as Route;
  const log = createLog('silent');
  const app = createApp({
    routes: [...ROUTES, route],
    catalogue,
    keys: undefined,
    log,
    limits: { slowReaderMs: 5000, ...limits },
  });
  const server = createServer(app);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.close();
    server.closeAllConnections();
    client.close();
    await upstream.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    ...{ url, upstream, catalogue, outcomes, waits },
    post: (body, headers = {}, signal) =>
      fetch(`${url}/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        ...(signal && { signal }),
      }),
  };
}
