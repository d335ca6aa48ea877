/** The real program in a process of its own, signalled as a terminal or a service manager does. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rm } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { ModelProcess } from '../../src/workers/model-process.js';
import type { FeatureSource } from '../../src/workers/messages.js';
import { makePlace, type Place } from '../selector/support.js';

let place: Place;
let model: ModelProcess;

beforeEach(async () => {
  place = await makePlace();
  model = new ModelProcess();
});
afterEach(async () => {
  model.kill();
  await model.ended;
  await rm(place.folder, { recursive: true, force: true });
});

it.each(['SIGTERM', 'SIGINT'] as const)('goes on at %s: its server says when it ends', async (signal) => {
  const { encoder, sources = {} } = place.options('unused');
  const source: FeatureSource = { kind: 'encoder', key: 'tiny', options: { encoder, sources } };
  const { dims } = await model.call<'open'>({ kind: 'open', source });
  process.kill(model.pid!, signal);
  await pause(200); // it has come when this is over
  const request = { kind: 'featurize', key: 'tiny', items: ['cat sat'], byBlock: false } as const;
  const { vectors } = await model.call<'featurize'>(request);
  expect(vectors).toHaveLength(dims);
  expect(model.isAlive).toBe(true);
});

it('steps back behind its parent as far as it is told', async () => {
  expect(getPriority(model.pid)).toBe(getPriority());
  const build = new ModelProcess(undefined, 10);
  try {
    expect(getPriority(build.pid)).toBe(Math.min(19, getPriority() + 10));
  } finally {
    build.kill();
    await build.ended;
  }
});
