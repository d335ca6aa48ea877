/** /metrics on a port of its own, without keys: for a scraper that reaches that port, where clients do not. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Lifecycle } from '../http/lifecycle.js';
import { listen, type Listening } from '../http/listen.js';
import type { ServerMetrics } from './metrics.js';

/** @throws {FungiError} INVALID_ARGUMENT where the address cannot be had */
export function listenForScrapers(
  { registry }: Pick<ServerMetrics, 'registry'>,
  address: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const reply = async ({ method, url = '' }: IncomingMessage, response: ServerResponse): Promise<void> => {
    const isRead = method === 'GET' || method === 'HEAD';
    if (!isRead || url.split('?')[0] !== '/metrics') {
      response.writeHead(404, { 'Content-Type': 'text/plain' }).end('There is GET /metrics here.\n');
      return;
    }
    const text = await registry.metrics();
    response.writeHead(200, { 'Content-Type': registry.contentType, 'Cache-Control': 'no-store' }).end(text);
  };
  return listen(
    (request, response) => {
      reply(request, response).catch(() => {
        response.writeHead(500).end();
      });
    },
    { ...address, lifecycle: new Lifecycle() },
  );
}
