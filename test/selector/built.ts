/** What builds leave, and builds that are killed. */
import { fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect } from 'vitest';
import { findIndex } from '../../src/store/index-folder.js';
import { LanceStore } from '../../src/store/lance.js';
import type { Manifest } from '../../src/store/manifest.js';
import type { StoredRow } from '../../src/store/store.js';
import type { Place } from './support.js';

export async function storedRows(place: Place, name: string): Promise<StoredRow[]> {
  const store = await LanceStore.open(await findIndex(place.options(name).indexes!, name));
  const rows: StoredRow[] = [];
  for await (const batch of store.scan()) rows.push(...batch);
  await store.close();
  return rows;
}

/** Of a manifest, what two builds of the same examples agree on: neither names nor times, nor the last digits of a basis. */
export function sameIn({ auto, reducer, features, fingerprint, metric, dims, rows, labels, truncatedTexts }: Manifest) {
  const { queryMs, ...choice } = auto?.choice ?? {};
  expect(queryMs === undefined).toBe(auto === undefined);
  const shares = reducer.kind === 'blend' ? [reducer.shares, reducer.shrinkage.value] : [];
  const found = { auto: auto && { ...auto, choice }, kind: reducer.kind, shares };
  return { ...found, features, fingerprint, metric, dims, rows, labels, truncatedTexts };
}

/** Runs a script of this folder in a process of its own and kills it once a stage tells of more than `after` rows. */
export async function killAfter(
  script: string,
  args: readonly string[],
  last: string,
  after: number,
): Promise<boolean> {
  const child = fork(new URL(script, import.meta.url), args, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.on('exit', (_code, signal) => {
      resolve(signal);
    }),
  );
  for await (const line of createInterface({ input: child.stdout! })) {
    const [stage, done] = line.split(' ');
    // The first step of the next window, of 512 rows: the ones before are on the disk.
    if (stage === last && Number(done) > after) child.kill('SIGKILL');
  }
  return (await ended) === 'SIGKILL';
}
