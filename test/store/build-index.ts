/**
 * A small build through every stage. A raw feature is made of its row's number, so what was kept and what was computed again
 * give the same index only if nothing is lost or shifted.
 */
import { IndexBuild } from '../../src/store/index-build.js';
import { LanceStore } from '../../src/store/lance.js';
import { writeManifest } from '../../src/store/manifest.js';
import type { StoredRow } from '../../src/store/store.js';
import { BUILD_PLAN, DIMS, manifestOf, rowOf, stagedFeature } from './support.js';

export const BUILD_ROWS = 100;
const WINDOW = 16;

export interface BuildMessage {
  readonly stage: 'begin' | 'window' | 'table' | 'publish' | 'done';
  /** Rows. */
  readonly done: number;
}

/** What the index holds in the end. */
export const builtRow = (i: number): StoredRow => rowOf(i, { vector: stagedFeature(i).slice(0, DIMS) });

export async function buildIndex(root: string, name: string, say: (message: BuildMessage) => void): Promise<void> {
  const build = await IndexBuild.open(root, name, BUILD_PLAN.fingerprint);
  const features = await build.stage(BUILD_PLAN.width);
  say({ stage: 'begin', done: features.rowsDone });
  for (let first = features.rowsDone; first < BUILD_ROWS; first += WINDOW) {
    const length = Math.min(WINDOW, BUILD_ROWS - first);
    await features.append(
      Float32Array.from(Array.from({ length }, (_, i) => Array.from(stagedFeature(first + i))).flat()),
    );
    say({ stage: 'window', done: features.rowsDone });
  }
  const store = await LanceStore.create(build.folder, DIMS);
  let next = 0;
  for await (const window of features.read({ window: 40 })) {
    const length = window.length / BUILD_PLAN.width;
    const vector = (i: number): Float32Array => window.slice(i * BUILD_PLAN.width, i * BUILD_PLAN.width + DIMS);
    await store.upsert(Array.from({ length }, (_, i) => rowOf(next + i, { vector: vector(i) })));
    next += length;
    say({ stage: 'table', done: next });
  }
  await store.close();
  await writeManifest(build.folder, manifestOf(name, BUILD_ROWS));
  say({ stage: 'publish', done: BUILD_ROWS });
  await build.publish();
  await build.close();
  say({ stage: 'done', done: BUILD_ROWS });
}
