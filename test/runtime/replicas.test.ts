/** A graph that runs in several processes at the same time. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { afterEach, expect, it, vi } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { Replica } from '../../src/runtime/replica.js';
import { Replicas } from '../../src/runtime/replicas.js';
import { float32, int64 } from '../../src/runtime/session.js';

/** x + 1, and the int64 that came. */
function graph(): Uint8Array {
  const g = new GraphBuilder('sum');
  g.output(g.op('Add', [g.input('x', 'float32', ['n']), g.scalar(1)]), 'float32', ['n'], 'y');
  g.output(g.op('Identity', [g.input('i', 'int64', ['n'])]), 'int64', ['n'], 'j');
  return g.build();
}

/** The same, after products of matrices that take some tenths of a second. */
function slowGraph(): Uint8Array {
  const g = new GraphBuilder('slow');
  const x = g.input('x', 'float32', ['n']);
  let square = g.op('Expand', [x, g.integers([1200, 1200])]);
  for (let i = 0; i < 12; i++) square = g.op('MatMul', [square, square]);
  g.output(g.op('Add', [x, g.op('ReduceMax', [square])]), 'float32', ['n'], 'y');
  g.output(g.op('Identity', [g.input('i', 'int64', ['n'])]), 'int64', ['n'], 'j');
  return g.build();
}
const feeds = (x: number) => ({
  x: float32(Float32Array.of(x, 0).subarray(0, 1), [1]), // a part of its memory
  i: int64(BigInt64Array.of(BigInt(x) - (1n << 60n)), [1]),
});

const open: Replicas[] = [];
afterEach(() => {
  for (const replicas of open.splice(0)) replicas.close();
});
async function start(count = 2): Promise<Replicas> {
  const replicas = await Replicas.start(graph(), 'sum', { folder: '.', threads: 1, count });
  open.push(replicas);
  return replicas;
}

it('gives each run its own results, of every type, more runs at once than processes', { timeout: 60_000 }, async () => {
  const replicas = await start();
  const results = await Promise.all(Array.from({ length: 20 }, (_, x) => replicas.run(feeds(x), ['y', 'j'])));
  expect(results.map(({ y }) => [...y.data])).toEqual(Array.from({ length: 20 }, (_, x) => [x + 1]));
  expect(results[3]!.y.shape).toEqual([1]);
  expect(results[3]!.j.data).toEqual(BigInt64Array.of(3n - (1n << 60n)));
});

it('says what is wrong with a graph, and leaves no process behind', { timeout: 60_000 }, async () => {
  const killed = vi.spyOn(Replica.prototype, 'kill');
  const bad = Replicas.start(Uint8Array.of(1, 2, 3), 'broken', { folder: '.', threads: 1, count: 2 });
  await expect(bad).rejects.toMatchObject({
    code: 'MODEL_CORRUPT',
    message: expect.stringContaining('broken') as string,
  });
  const pids = killed.mock.contexts.map((replica) => (replica as Replica).pid!);
  killed.mockRestore();
  expect(new Set(pids).size).toBe(2);
  for (const pid of pids) await expect.poll(() => isThere(pid), { timeout: 10_000 }).toBe(false);
});

it('leaves none behind where one of them fails', { timeout: 60_000 }, async () => {
  const load = vi.spyOn(Replica.prototype, 'load').mockRejectedValueOnce(new Error('no room'));
  const killed = vi.spyOn(Replica.prototype, 'kill');
  await expect(start()).rejects.toThrow('no room');
  const pids = killed.mock.contexts.map((replica) => (replica as Replica).pid!);
  for (const spy of [load, killed]) spy.mockRestore();
  expect(new Set(pids).size).toBe(2);
  for (const pid of pids) await expect.poll(() => isThere(pid), { timeout: 10_000 }).toBe(false);
});

it('lets its parent end that forgot it, and ends with it', { timeout: 60_000 }, async () => {
  const { code, output, errors } = await parent(`
    const y = await replicas.run(${FEEDS}, ['y']);
    console.log(replicas.pids[0], y.y.data[0]);`);
  const [pid, y] = output.split(' ').map(Number);
  expect([code, y, errors]).toEqual([0, 2, '']);
  await expect.poll(() => isThere(pid!), { timeout: 10_000 }).toBe(false);
});

it('says nothing when its parent ends while it computes', { timeout: 60_000 }, async () => {
  // A run holds its process up, so that its answer is sent before the process hears that nobody is left to read it.
  const { code, output, errors } = await parent(
    `for (let i = 0; i < 20; i++) replicas.run(${FEEDS}, ['y']).catch(() => undefined);
    console.log(replicas.pids[0]);
    setTimeout(() => process.exit(130), 500);`,
    slowGraph(),
  );
  await expect.poll(() => isThere(Number(output)), { timeout: 10_000 }).toBe(false);
  expect([code, errors]).toEqual([130, '']);
});

const FEEDS = `{ x: { type: 'float32', data: Float32Array.of(1), shape: [1] }, i: { type: 'int64', data: BigInt64Array.of(1n), shape: [1] } }`;

/** A process that starts `replicas`, one of them, and does what `work` says. */
async function parent(work: string, bytes = graph()) {
  const module = new URL('../../src/runtime/replicas.ts', import.meta.url).href;
  const program = `
    import { Replicas } from ${JSON.stringify(module)};
    const graph = Uint8Array.from(${JSON.stringify([...bytes])});
    const replicas = await Replicas.start(graph, 'sum', { folder: '.', threads: 1, count: 1 });${work}`;
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', program]);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, output, errors };
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
