import { once } from 'node:events';
import { gzipSync } from 'node:zlib';
import request from 'supertest';
import { afterEach, describe, expect, it } from 'vitest';
import { LINE_BYTES, type Line } from '../../../src/server/route.js';
import {
  countLines,
  exchangeRaw,
  harness,
  json,
  requestText,
  route,
  start,
  statusOf,
  stopAll,
  type Answer,
} from './support.js';

const NDJSON = { 'Content-Type': 'application/x-ndjson' };
const HEAD =
  'POST /v1/lines HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n';
const chunk = (text: string): string => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

async function send(body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const sent = request(harness().app)
    .post('/v1/lines')
    .set({ ...NDJSON, ...headers });
  return sent.serialize((value: unknown) => value as string).send(body as string);
}

afterEach(stopAll);

describe('a body of lines', () => {
  it.each([
    ['{"text":"a"}\n{"text":"b"}\n', { count: 2, last: 2 }],
    ['{"text":"a"}\r\n{"text":"b"}', { count: 2, last: 2 }],
    ['\n\n{"text":"a"}\n \n{"text":"b"}\n\n', { count: 2, last: 5 }],
    ['', { count: 0, last: 0 }],
    ['{"text":"\\n\u2028é"}\n', { count: 1, last: 1 }],
  ])('is read line by line, blank ones counted: %j', async (text, expected) => {
    expect((await send(text)).body).toEqual(expected);
    expect((await send(gzipSync(text), { 'Content-Encoding': 'gzip' })).body).toEqual(expected);
  });

  it.each([
    ['{"text":"a"}\n{"text":1}\n', 400, 'line 2: #/text:'],
    ['{"text":"a"}\n\n{"text":"b"', 400, 'line 3: the body is not JSON'],
    ['{"text":"a","x":1}\n', 400, 'line 1: the body: Unrecognized key'],
    ['{"text":"\\ud800"}\n', 400, 'line 1: #/text:'],
    [`${'['.repeat(100)}\n`, 400, 'line 1: the body: more than 64 levels'],
    [`{"text":"a"}\n{"text":"${'a'.repeat(LINE_BYTES)}"}\n`, 413, 'line 2 is longer than'],
    [`\n${' '.repeat(LINE_BYTES + 1)}`, 413, 'line 2 is longer than'],
  ])('names the line that is wrong: %#', async (text, status, detail) => {
    const reply = await send(text);
    expect(reply.status).toBe(status);
    expect((reply.body as { detail: string }).detail).toContain(detail);
  });

  it('names the line whose bytes are no UTF-8', async () => {
    const reply = await send(
      Buffer.concat([Buffer.from('{"text":"a"}\n{"text":"'), Buffer.from([0xff]), Buffer.from('"}\n')]),
    );
    expect(reply.body).toMatchObject({ detail: 'line 2: the body is not UTF-8', line: 2, status: 400 });
  });

  it('may split a character and a line anywhere', async () => {
    const text = Buffer.from('{"text":"é😀"}\n{"text":"b"}\n');
    const { port } = await start(harness());
    const reply = await exchangeRaw(port, HEAD, (socket) => {
      socket.setNoDelay(true);
      for (const byte of text)
        socket.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n')]));
      socket.write('0\r\n\r\n');
    });
    expect(reply).toContain('{"count":2,"last":2}');
  });

  it('is handed over while it still comes, and goes on for longer than any deadline', async () => {
    const seen: number[] = [];
    let next = (): void => undefined;
    const reads = route({ ...countLines, handle: undefined } as never, async ({ body }) => {
      for await (const line of body as AsyncIterable<Line>) {
        seen.push(line.number);
        next();
      }
      return json({ seen });
    });
    const { port } = await start(harness({ routes: [reads], limits: { deadlineMs: 40, bodyMs: 5000 } }));
    const reply = await exchangeRaw(port, HEAD, (socket) => {
      let sent = 0;
      // Each line goes out 30 ms after the one before was read: together they take twice the deadline and more.
      next = () => {
        setTimeout(() => socket.write((sent += 1) < 4 ? chunk('{"text":"a"}\n') : '0\r\n\r\n'), 30);
      };
      socket.write(chunk('{"text":"a"}\n'));
    });
    expect(statusOf(reply)).toBe(200);
    expect(seen).toEqual([1, 2, 3, 4]);
  });

  it('is a 408 when no more of it comes', async () => {
    const { port } = await start(harness({ limits: { bodyMs: 30 } }));
    const reply = await exchangeRaw(port, HEAD, chunk('{"text":"a"}\n{'));
    expect(statusOf(reply)).toBe(408);
  });

  it('is taken in no faster than it is read', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const slow = route({ ...countLines, handle: undefined } as never, async ({ body }) => {
      let count = 0;
      for await (const line of body as AsyncIterable<Line>) {
        await gate;
        count = line.number;
      }
      return json({ count });
    });
    const { port } = await start(harness({ routes: [slow] }));
    const line = chunk(`{"text":"${'a'.repeat(60_000)}"}\n`);
    const total = 2000;
    let heldAt: number | undefined;
    let written = 0;
    const reply = await exchangeRaw(port, HEAD, (socket) => {
      const fill = async (): Promise<void> => {
        while (written < total) {
          written += 1;
          if (socket.write(line)) continue;
          // 120 MB are to be sent. The sender is held up long before, and goes on when lines are read.
          const held = await Promise.race([once(socket, 'drain'), new Promise((r) => setTimeout(r, 300, 'held'))]);
          if (held !== 'held') continue;
          heldAt ??= written;
          release();
          await once(socket, 'drain');
        }
        socket.write('0\r\n\r\n');
      };
      void fill();
    });
    expect(heldAt).toBeLessThan(total / 2);
    expect(reply).toContain(`{"count":${total}}`);
  });

  it('may be JSON where the route reads that too, and nothing else', async () => {
    const { app } = harness();
    const whole = (await request(app).post('/v1/lines').send({ text: 'a' })) as Answer;
    expect(whole.body).toEqual({ count: 1 });
    const { port } = await start(harness());
    expect(statusOf(await exchangeRaw(port, requestText('/v1/lines', 'a', { 'Content-Type': 'text/csv' })))).toBe(415);
    expect(
      statusOf(await exchangeRaw(port, requestText('/v1/lines', '', { ...NDJSON, 'Content-Encoding': 'br' }))),
    ).toBe(415);
  });
});
