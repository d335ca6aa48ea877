/** The encoder that comes with the package: found anywhere and offline, small, as its card says, and with both kinds of features. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfig } from '../../src/core/config.js';
import { loadEncoder } from '../../src/encoders/load-encoder.js';
import { listModels, modelPath, pullModel } from '../../src/encoders/registry.js';
import { KNOWN_MODELS } from '../../src/encoders/sources/known-models.js';
import type { SourceOptions } from '../../src/encoders/sources/options.js';
import { findLocalModel, resolveModel } from '../../src/encoders/sources/resolve.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { featureSpec } from '../../src/features/spec.js';
import { kl } from '../../src/losses/kl.js';
import { relativeError } from '../support/golden.js';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'models/builtin');
let cacheDir: string;
let options: SourceOptions;
beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'builtin-'));
  const nothing = (): never => expect.unreachable('something was fetched');
  options = {
    ...readConfig({}),
    cacheDir,
    hubCacheDir: join(cacheDir, 'hub'),
    effects: { fetch: nothing, run: nothing },
  };
});
afterAll(() => rm(cacheDir, { recursive: true }));

/** δ of the KL loss, of all tokens of all texts. */
async function deltasOf(engine: GradientEngine, texts: readonly string[]): Promise<number[]> {
  const states = await engine.encode(texts);
  const loss = kl({ mode: 'paper', temperature: 1, head: 'none' });
  const program = await engine.program({ loss, gradient: { kind: 'factors' } });
  const { factors } = await program.run(
    states,
    texts.map((_, i) => [i]),
  );
  return factors.flatMap(({ delta }) => [...delta]);
}

async function filesOf(path: string): Promise<{ name: string; bytes: number; sha256: string }[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => {
        const file = join(entry.parentPath, entry.name);
        const sha256 = createHash('sha256')
          .update(await readFile(file))
          .digest('hex');
        return { name: relative(path, file).replaceAll('\\', '/'), bytes: (await stat(file)).size, sha256 };
      }),
  );
}

describe('the folder', () => {
  it('has at most 8 MB', async () => {
    const files = await filesOf(folder);
    expect(files.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(8e6);
  });

  it('holds the files that its card lists, and no others', async () => {
    const card = await readFile(join(folder, 'README.md'), 'utf8');
    const listed = Object.fromEntries(
      [...card.matchAll(/^\| `([^`]+)` +\| `([0-9a-f]{64})` \|$/gm)].map(([, name, sha256]) => [name!, sha256!]),
    );
    const there = (await filesOf(folder)).filter(({ name }) => name !== 'README.md');
    expect(there.length).toBeGreaterThan(4);
    expect(listed).toEqual(Object.fromEntries(there.map(({ name, sha256 }) => [name, sha256])));
  });

  it('is part of the package', async () => {
    const { files } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { files: string[] };
    expect(files).toContain('models');
  });
});

describe('the name builtin', () => {
  it.each(['builtin', 'Builtin'])('%s is that folder, and asks nobody', async (name) => {
    const found = await resolveModel(name, options);
    expect(found).toMatchObject({ id: 'builtin', folder, source: 'builtin', licence: 'apache-2.0' });
    expect(await findLocalModel(name, { ...options, offline: true })).toEqual(found);
    expect(await modelPath(name, options)).toEqual({ id: 'builtin', folder });
  });

  it('is listed with its size, and pulled without a download', async () => {
    const [first] = await listModels(options);
    const { bytes } = KNOWN_MODELS.find(({ id }) => id === 'builtin')!;
    expect(first).toMatchObject({ id: 'builtin', source: 'builtin', pooling: 'mean', bytes, problem: undefined });
    expect(await pullModel('builtin', options)).toEqual(first);
  });

  it('with a file that the folder lacks is refused, and looked for nowhere else', async () => {
    await expect(resolveModel('builtin', { ...options, file: 'other.onnx' })).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: expect.stringContaining(folder) as string,
      hint: expect.stringContaining('--file') as string,
    });
  });
});

describe('its features', () => {
  const texts = [
    'When was the telephone invented?',
    'In what year did somebody invent the phone?',
    'My card was declined at the shop.',
    'The shop did not accept my bank card yesterday, although there was more than enough money in the account.',
    'Book a table for four at an Italian restaurant tonight',
    'play some jazz',
  ];
  let engine: GradientEngine;
  let extractor: FeatureExtractor;
  beforeAll(async () => {
    engine = await createEngine(await loadEncoder('builtin', { ...options, offline: true }), { cacheDir });
    const spec = featureSpec({ losses: [{ name: 'kl' }], projection: { kind: 'nystrom', landmarks: 6 } });
    extractor = await FeatureExtractor.create(engine, spec, await buildArtefacts(engine, spec, texts));
  });
  afterAll(() => engine.close());

  async function blocks(items: readonly string[]): Promise<Record<string, number[][]>> {
    const { rows } = await extractor.extract(items);
    const { width, blocks: layout } = extractor.layout;
    return Object.fromEntries(
      layout.map(({ name, start, width: size }) => [
        name,
        items.map((_, i) => [...rows.subarray(i * width + start, i * width + start + size)]),
      ]),
    );
  }
  const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);

  it('tell what is alike from what is not', async () => {
    const { embedding } = await blocks(texts);
    const unit = embedding!.map((row) => row.map((x) => x / Math.sqrt(dot(row, row))));
    expect(unit[0]).toHaveLength(256);
    expect(dot(unit[0]!, unit[1]!)).toBeGreaterThan(dot(unit[0]!, unit[2]!) + 0.2);
    expect(dot(unit[2]!, unit[3]!)).toBeGreaterThan(dot(unit[2]!, unit[5]!) + 0.2);
  });

  it('have a gradient of the KL loss through int8 weights', async () => {
    engine.assertDifferentiable();
    const { kl } = await blocks(texts);
    for (const row of kl!) {
      expect(row.every(Number.isFinite)).toBe(true);
      expect(dot(row, row)).toBeGreaterThan(0);
    }
  });

  it('have the gradient that TensorFlow.js finds by itself', async () => {
    const judge = await createEngine(await loadEncoder('builtin', options), { cacheDir, engine: 'tfjs' });
    try {
      const [delta, expected] = [await deltasOf(engine, texts), await deltasOf(judge, texts)];
      expect(Math.hypot(...expected)).toBeGreaterThan(0);
      expect(relativeError(delta, expected)).toBeLessThan(1e-4);
    } finally {
      await judge.close();
    }
  });

  it('are the same alone and in any company', async () => {
    const together = await blocks(texts);
    for (const [i, text] of texts.entries()) {
      const alone = await blocks([text]);
      for (const name of ['embedding', 'kl'])
        expect(relativeError(alone[name]![0]!, together[name]![i]!)).toBeLessThan(name === 'kl' ? 1e-3 : 1e-5);
    }
  });
});
