/** The guard that every test and every process of one runs under. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { guarded, takeAttempts } from './attempts.js';

/** Of addresses for documentation: nobody has it. */
const OUTSIDE = '192.0.2.1';

const failure = async (work: () => Promise<unknown>): Promise<Error> => {
  const error: unknown = await work().then(
    () => new Error('it went through'),
    (reason: unknown) => reason,
  );
  const { cause } = error as Error;
  return cause instanceof Error ? cause : (error as Error);
};

it.each([
  ['fetch, an address', `${OUTSIDE}:81`, () => fetch(`http://${OUTSIDE}:81/`)],
  ['fetch, a name', 'example.org:443', () => fetch('https://example.org/')],
  ['fetch, IPv6', '2001:db8::1:80', () => fetch('http://[2001:db8::1]/')],
  ['http', `${OUTSIDE}:82`, () => once(request({ host: OUTSIDE, port: 82 }).end(), 'response')],
  ['TLS', 'example.org:444', () => once(connectTls({ host: 'example.org', port: 444 }), 'secureConnect')],
  ['a socket', `${OUTSIDE}:83`, () => once(connect(83, OUTSIDE), 'connect')],
])('refuses what lies beyond this machine, by name: %s', async (_, target, work) => {
  const began = performance.now();
  expect((await failure(work)).message).toBe(`tests have no network: connection to ${target}`);
  expect(performance.now() - began).toBeLessThan(5_000);
  // Taken out, since it was meant: else this test would fail of it.
  expect(takeAttempts()).toEqual([target]);
});

it('finds no name that is nowhere, without asking', async () => {
  expect(await failure(() => fetch('http://nowhere.invalid/'))).toMatchObject({ code: 'ENOTFOUND' });
  expect(takeAttempts()).toEqual([]);
});

it('lets through what stays on this machine', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'guard-'));
  const socketPath = join(folder, 'socket');
  const answer = createServer((_, response) => response.end('here'));
  const [byPort, byPath] = [answer.listen(0, '127.0.0.1'), createServer((_, r) => r.end('here')).listen(socketPath)];
  try {
    await Promise.all([once(byPort, 'listening'), byPath.listening || once(byPath, 'listening')]);
    const { port } = byPort.address() as AddressInfo;
    expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('here');
    const [response] = (await once(request({ socketPath }).end(), 'response')) as [{ statusCode: number }];
    expect(response.statusCode).toBe(200);
  } finally {
    byPort.close();
    byPort.closeAllConnections();
    byPath.close();
    byPath.closeAllConnections();
    await rm(folder, { recursive: true });
  }
});

it.each<[string, NodeJS.ProcessEnv | undefined]>([
  ['', undefined],
  [', with an environment of their own', { ...guarded(), PATH: process.env['PATH'] }],
])('holds processes that a test starts%s, and knows what they tried and caught', async (_, env) => {
  const script = `fetch('http://${OUTSIDE}:84/').catch((error) => console.log(error.cause.message))`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], { env });
  expect(stdout.trim()).toBe(`tests have no network: connection to ${OUTSIDE}:84`);
  expect(takeAttempts()).toEqual([`${OUTSIDE}:84`]);
});

// By the hook of setup.ts, which counts as the test's own.
it.fails('fails a test in which a process tried and caught it', async () => {
  const script = `fetch('http://${OUTSIDE}:85/').catch(() => undefined)`;
  await promisify(execFile)(process.execPath, ['-e', script]);
});
