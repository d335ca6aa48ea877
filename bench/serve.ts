/**
 * The server under load, the load generator beside it on the same cores.
 *
 *     npx tsx bench/serve.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [seconds=10] [part …]
 *
 * Builds an index of TRAIN (text, label; embedding + KL), starts `fungi serve` over it, and prints latencies, rates and ratios. Its
 * rates are those of a server that shares its cores with who loads it.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { EncoderEmbedder } from '../src/selector/embedder.js';
import { FungiSelector } from '../src/selector/selector.js';
import { call, closedLoop, openLoop, percentile, rate, times, type Call, type Load } from './serve/load.js';
import { readRows } from './read-rows.js';
import { stockSelector } from './serve/stock-selector.js';

const [encoderArgument, trainFile, testFile, secondsText = '10', ...named] = process.argv.slice(2);
if (encoderArgument === undefined || trainFile === undefined || testFile === undefined) {
  throw new Error(
    'usage: serve.ts ENCODER_FOLDER TRAIN.jsonl TEST.jsonl [seconds] [latency|proxy|embeddings|stock|overload|memory …]',
  );
}
const encoder = resolve(encoderArgument);
const seconds = Number(secondsText);
const K = 20;
/** Chat completions a second. */
const PROXY_RATE = 100;

const train = readRows(trainFile);
const test = readRows(testFile).map(({ input }) => input);

/** The n-th of endlessly many queries, no two alike. */
const fresh = (n: number): string => `${test[n % test.length]!} ${n}`;
const retrieve = (query: string): Call => ({ path: '/v1/indexes/bank/retrieve', body: { query, k: K } });
const say = (name: string, ...parts: string[]): void => {
  console.log(`| ${name.padEnd(46)} | ${parts.join(' | ')} |`);
};
const ms = (value: number): string => `${value.toFixed(1)} ms`;
const latencies = (load: Load): string =>
  `p50 ${ms(percentile(times(load), 0.5))}, p95 ${ms(percentile(times(load), 0.95))}, p99 ${ms(percentile(times(load), 0.99))}`;

const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));
const children: ChildProcess[] = [];

/** Starts `fungi serve`; settles when the index is open. */
async function serve(...options: string[]): Promise<{ url: string; pid: number; stop: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    [
      ...['--import', 'tsx', 'src/cli/main.ts', 'serve', '--port', '0', '--indexes', folder, '--preload', 'bank'],
      ...['--encoders', `bench=${encoder}`, '--log-level', 'info', ...options],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  let url = '';
  await new Promise<void>((ready, fail) => {
    child.once('exit', (code) => {
      fail(new Error(`fungi serve ended with ${code}`));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const entry = JSON.parse(line) as { msg: string; url?: string };
      url = entry.url ?? url;
      if (entry.msg === 'preloaded') ready();
    });
  });
  const stop = async (): Promise<void> => {
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await ended;
  };
  return { url, pid: child.pid!, stop };
}

async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const megabytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

async function latency(): Promise<void> {
  const server = await serve();
  const { url } = server;
  await closedLoop(url, 4, { seconds: 2 }, (n) => retrieve(fresh(n)));
  const cached = await closedLoop(url, 1, { seconds }, () => retrieve(test[0]!));
  say(`retrieve, cached query, 1 client`, latencies(cached), `${rate(cached).toFixed(0)}/s`, 'goal p95 < 10 ms');
  await metric(url, 'nodejs_eventloop_lag_p99_seconds'); // asked for, it begins anew
  const ten = await closedLoop(url, 10, { seconds }, (n) => retrieve(fresh(1e6 + n)));
  say(`retrieve, new text each, 10 clients`, latencies(ten), `${rate(ten).toFixed(0)}/s`, 'goal p95 < 60 ms');
  const lag = await metric(url, 'nodejs_eventloop_lag_p99_seconds');
  say('event-loop lag p99 under that', ms(lag * 1000), '', 'goal < 20 ms');
  await server.stop();
}

async function proxy(): Promise<void> {
  const reply = JSON.stringify({
    ...{ id: 'x', object: 'chat.completion', created: 0, model: 'm' },
    choices: [{ index: 0, message: { role: 'assistant', content: 'card_arrival' }, finish_reason: 'stop' }],
  });
  const upstream = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.setHeader('content-type', 'application/json').end(reply));
  }).listen(0, '127.0.0.1');
  await new Promise((ready) => upstream.once('listening', ready));
  const direct = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const server = await serve('--llm-base-url', `${direct}/v1`);
  const chat: Call = {
    path: '/v1/chat/completions',
    body: { model: 'm', messages: [{ role: 'user', content: 'my card has not arrived' }] },
  };
  for (const url of [direct, server.url]) await closedLoop(url, 2, { count: 300 }, () => chat);
  const [through, straight] = [[] as number[], [] as number[]];
  // At a rate that both keep up with: clients in a closed loop would measure how long they wait for each other. In turn, so that both
  // meet the same machine.
  for (let round = 0; round < 10; round++) {
    through.push(...times(await openLoop(server.url, PROXY_RATE, seconds / 10, () => chat)));
    straight.push(...times(await openLoop(direct, PROXY_RATE, seconds / 10, () => chat)));
  }
  const most = await closedLoop(server.url, 4, { seconds: seconds / 2 }, () => chat);
  const overhead = (share: number): string => ms(percentile(through, share) - percentile(straight, share));
  say(
    `proxy over upstream, no examples, ${PROXY_RATE}/s`,
    `p50 +${overhead(0.5)}, p95 +${overhead(0.95)}`,
    `at most ${rate(most).toFixed(0)}/s`,
    'goal p95 < 8 ms',
  );
  await server.stop();
  upstream.closeAllConnections();
  upstream.close();
}

async function embeddings(): Promise<void> {
  const texts = (round: number): string[] => Array.from({ length: 512 }, (_, i) => fresh(round * 512 + i));
  const server = await serve('--cache-megabytes', '0');
  const library = await EncoderEmbedder.load({ encoder });
  const rounds = Math.max(4, Math.round(seconds / 2));
  const [served, alone] = [[] as number[], [] as number[]];
  for (let round = -1; round < rounds; round++) {
    const body = { model: 'bench', input: texts(2 * round + 2), encoding_format: 'base64' };
    const outcome = await call(server.url, { path: '/v1/embeddings', body });
    if (outcome.status !== 200) throw new Error(`/v1/embeddings: ${outcome.status}`);
    const began = performance.now();
    await library.embed(texts(2 * round + 3));
    if (round < 0) continue;
    served.push(outcome.ms);
    alone.push(performance.now() - began);
  }
  const ratio = percentile(alone, 0.5) / percentile(served, 0.5);
  say('/v1/embeddings, 512 texts, of the library', `${ratio.toFixed(2)}×`, `${(512_000 / percentile(served, 0.5)).toFixed(0)} texts/s`, 'goal 0.9×'); // prettier-ignore
  await library.close();
  await server.stop();
}

async function stock(): Promise<void> {
  const server = await serve('--cache-megabytes', '0');
  const selector = await stockSelector(encoder, join(folder, 'stock'), train, K);
  const inTurn: Record<'ours' | 'stock', number[]> = { ours: [], stock: [] };
  const began = performance.now();
  for (let n = 0; performance.now() - began < seconds * 1000; n++) {
    const text = fresh(2e6 + n);
    const { ms: ours } = await call(server.url, retrieve(text));
    const start = performance.now();
    await selector.selectExamples({ text });
    if (n < 5) continue; // they warm up
    inTurn.ours.push(ours);
    inTurn.stock.push(performance.now() - start);
  }
  const [ours, theirs] = [percentile(inTurn.ours, 0.5), percentile(inTurn.stock, 0.5)];
  say('one text query, over HTTP; stock selector in process', `${ms(ours)}; ${ms(theirs)}`, `${(theirs / ours).toFixed(2)}×`, 'goal > 1×'); // prettier-ignore
  const together = await closedLoop(server.url, 10, { seconds }, (n) => retrieve(fresh(3e6 + n)));
  let done = 0;
  const start = performance.now();
  await Promise.all(
    Array.from({ length: 10 }, async (_, client) => {
      for (let n = 0; performance.now() - start < seconds * 1000; n++) {
        await selector.selectExamples({ text: fresh(4e6 + client * 10_000 + n) });
        done++;
      }
    }),
  );
  const stockRate = done / ((performance.now() - start) / 1000);
  say('10 at once', `${rate(together).toFixed(0)}/s; ${stockRate.toFixed(0)}/s`, `${(rate(together) / stockRate).toFixed(2)}×`, 'goal > 1×'); // prettier-ignore
  await server.stop();
}

async function overload(): Promise<void> {
  const server = await serve('--max-wait-ms', '1000');
  const { url } = server;
  const query = (n: number): Call => retrieve(fresh(5e6 + n));
  await closedLoop(url, 8, { seconds: 3 }, query);
  const peak = rate(await closedLoop(url, 32, { seconds }, (n) => query(1e6 + n)));
  const prober = fork('bench/serve/prober.ts', [url], { execArgv: ['--import', 'tsx'] });
  children.push(prober);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // it starts
  const load = await openLoop(url, 4 * peak, seconds, (n) => query(2e6 + n));
  const watched = new Promise<number[]>((resolve) =>
    prober.once('message', (lives) => {
      resolve(lives as number[]);
    }),
  );
  prober.send('enough');
  const lives = await watched;
  const statuses = new Map<number, number>();
  for (const { status } of load.outcomes) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  const counts = [...statuses].map(([status, count]) => `${count} × ${status}`);
  say(`overload, 4 × ${peak.toFixed(0)}/s`, `goodput ${((100 * rate(load)) / peak).toFixed(0)} % of peak`, counts.join(', '), 'goal 80 %, 503 alone'); // prettier-ignore
  say('/livez meanwhile', `p50 ${ms(percentile(lives, 0.5))}, p99 ${ms(percentile(lives, 0.99))}`, '', 'goal < 50 ms');
  await server.stop();
}

/** With the cache of features, which new texts fill, and without. */
async function memory(): Promise<void> {
  for (const [name, ...options] of [['with'], ['without', '--cache-megabytes', '0']] as const) {
    const server = await serve(...options);
    const query = (n: number): Call => retrieve(fresh(9e6 + n));
    await closedLoop(server.url, 8, { count: 1000 }, query);
    const after1k = megabytes(server.pid);
    await closedLoop(server.url, 8, { count: 9000 }, (n) => query(1000 + n));
    const after10k = megabytes(server.pid);
    say(`memory after 10k requests over that after 1k, ${name} cache`, `${after10k.toFixed(0)} MB; ${after1k.toFixed(0)} MB`, `${((100 * after10k) / after1k - 100).toFixed(1)} %`, 'goal 5 %'); // prettier-ignore
    await server.stop();
  }
}

try {
  const built = await FungiSelector.build({ name: 'bank', indexes: folder, encoder, examples: train });
  console.log(`${built.size} × ${built.dims}, ${seconds} s each\n`);
  await built.close();
  say('what', 'measured', 'rate or ratio', 'goal');
  say('---', '---', '---', '---');
  const parts = [latency, proxy, embeddings, stock, overload, memory];
  for (const part of parts) if (named.length === 0 || named.includes(part.name)) await part();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}
