/** Rows, stores and child processes for the tests of this folder. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Rng } from '../../src/core/rng.js';
import { featureFingerprint, type Manifest } from '../../src/store/manifest.js';
import type { StagePlan } from '../../src/store/staged-features.js';
import type { ExampleStore, StoredRow } from '../../src/store/store.js';

export const DIMS = 8;

export function rowOf(i: number, rest: Partial<StoredRow> = {}): StoredRow {
  return {
    id: `row ${i}`,
    input: `text number ${i}`,
    label: `label ${i % 3}`,
    metadata: { i },
    vector: Rng.stream('rows', i).uniform(DIMS, 1),
    ...rest,
  };
}

export const rowsOf = (first: number, count: number): StoredRow[] =>
  Array.from({ length: count }, (_, i) => rowOf(first + i));

/** What writer `writer` stores as its batch number `batch`: five rows of its own and five that every writer stores. */
export function batchOf(writer: number, batch: number): StoredRow[] {
  return [...rowsOf(1000 * (writer + 1) + 5 * batch, 5), ...rowsOf(5 * batch, 5)];
}

export async function allRows(store: ExampleStore): Promise<StoredRow[]> {
  const rows: StoredRow[] = [];
  for await (const batch of store.scan()) rows.push(...batch);
  return rows;
}

/** Runs `body` in a temporary folder that is removed afterwards. */
export async function inFolder<T>(body: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'fungi-store-'));
  try {
    return await body(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export function forkChild(file: string, args: readonly (string | number)[]): ChildProcess {
  const path = fileURLToPath(new URL(`./children/${file}`, import.meta.url));
  return fork(path, args.map(String), { execArgv: ['--import', 'tsx'] });
}

/** What the child says until it ends, by itself or by a SIGKILL that `onMessage` may send. */
export async function messagesOf<T>(
  child: ChildProcess,
  onMessage: (last: T, all: readonly T[]) => void = () => undefined,
): Promise<T[]> {
  const messages: T[] = [];
  child.on('message', (message) => {
    messages.push(message as T);
    onMessage(message as T, messages);
  });
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`child ended with ${code ?? signal ?? 'nothing'}`);
  return messages;
}

/** F is larger than P, as it is in an index. */
export const BUILD_PLAN: StagePlan = { fingerprint: 'settings and data', width: 12 };

/** [F] */
export const stagedFeature = (row: number): Float32Array =>
  Float32Array.from({ length: BUILD_PLAN.width }, (_, i) => row + i / 16);

export const SPEC = {
  encoder: {
    id: 'models/tiny',
    modelSha256: 'a'.repeat(64),
    preprocessorSha256: 'b'.repeat(64),
    pooling: 'first',
    maxTokens: 128,
    target: '/encoder/layer.1/attention/output/dense/MatMul',
  },
  features: {
    mode: 'paper',
    seed: 7,
    projection: { kind: 'dense', dims: 96 },
    losses: [
      { kind: 'kl', temperature: 15, weight: 1 },
      { kind: 'simclr', temperature: 0.07, views: 12 },
    ],
  },
};

export function manifestOf(name: string, rows: number, rest: Partial<Manifest> = {}): Manifest {
  return {
    schemaVersion: 1,
    name,
    createdAt: '2026-01-02T03:04:05.000Z',
    libraryVersion: '0.1.0',
    ...SPEC,
    fingerprint: featureFingerprint(SPEC),
    artefacts: [],
    reducer: { kind: 'pca', dims: DIMS, explained: 0.9, centredOnly: false },
    metric: 'l2',
    dims: DIMS,
    rows,
    labels: ['label 0', 'label 1', 'label 2'],
    truncatedTexts: 0,
    storeId: 'store',
    ...rest,
  };
}
