/**
 * Holds a process to this machine: a connection to anywhere but loopback fails at once, and says where to. Tests load it by `setup.ts`, processes
 * that they start by NODE_OPTIONS (vitest.config.ts); plain JavaScript, so that any Node takes it.
 */
import { appendFileSync } from 'node:fs';
import net from 'node:net';

/** `host:port` of every connection that was refused, in order. */
export const attempts = [];

/** Of a process that a test started: the file in which the test finds what was tried, even where nobody else hears of it. */
const record = process.env['NETWORK_ATTEMPTS'];

const connect = net.Socket.prototype.connect;

/** HTTP, TLS and `fetch` all connect by this method. */
net.Socket.prototype.connect = function (...given) {
  const target = targetOf(given);
  if (target === undefined || isLoopback(target.host)) return connect.apply(this, given);
  const { host, port } = target;
  // A name of this kind is nowhere (RFC 6761): a test may ask for it, and no resolver need be asked.
  const isNowhere = host.endsWith('.invalid');
  if (!isNowhere) {
    attempts.push(`${host}:${port}`);
    if (record !== undefined) appendFileSync(record, `${host}:${port}\n`);
  }
  const error = isNowhere
    ? Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND', syscall: 'getaddrinfo' })
    : Object.assign(new Error(`tests have no network: connection to ${host}:${port}`), { code: 'ENETUNREACH' });
  process.nextTick(() => this.destroy(error));
  return this;
};

/** Undefined for a socket of the file system. Node passes its own calls on as one array. */
function targetOf(given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given;
  if (first !== null && typeof first === 'object') {
    return first.path === undefined || first.path === null
      ? { host: String(first.host ?? 'localhost'), port: first.port }
      : undefined;
  }
  if (typeof first === 'string' && !/^\d+$/.test(first)) return undefined;
  return { host: typeof second === 'string' ? second : 'localhost', port: first };
}

const isLoopback = (host) => /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|::ffff:127(\.\d{1,3}){3})$/i.test(host);
