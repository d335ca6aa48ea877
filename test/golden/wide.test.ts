/**
 * D = L = 768, where float32 loses the KL loss at T = 15 (about 2e-6): weights drawn by Rng, graph by our own BERT builder, expected
 * values by PyTorch in float64.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/core/rng.js';
import { writeSafetensors, type SafetensorsTensor } from '../../src/core/safetensors.js';
import { convertBert, WEIGHTS_FILE } from '../../src/encoders/bert-conversion.js';
import type { Pooling } from '../../src/encoders/encoder.js';
import type { Artefacts } from '../../src/engine/engine.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { kl } from '../../src/losses/kl.js';
import type { Mode } from '../../src/losses/loss.js';
import { readGolden, relativeError, values, type GoldenArray } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';

interface Case {
  readonly mode: Mode;
  readonly temperature: number;
  readonly value: GoldenArray;
  readonly delta: GoldenArray;
}

interface Wide {
  readonly config: object;
  readonly tensors: Record<string, readonly number[]>;
  readonly first: readonly { ids: readonly number[]; pooled: GoldenArray; x: GoldenArray; cases: readonly Case[] }[];
  readonly mean: Case & { ids: readonly number[]; x: GoldenArray };
}

const TOLERANCE = 1e-4;
const D = 768;
const wide = readGolden('fungi/wide/expected.json') as Wide;

const draw = (name: string, count: number, bound: number): Float32Array =>
  Rng.stream(7, 'wide', name).uniform(count, bound);

/** The fixture's head is [L,D]; the engine takes [D,L]. */
function head(): Artefacts {
  const weight = draw('kl.head.weight', D * D, 1 / Math.sqrt(D));
  const turned = weight.map((_, at) => weight[(at % D) * D + Math.floor(at / D)]!);
  return {
    'kl.head.weight': { data: turned, shape: [D, D] },
    'kl.head.bias': { data: draw('kl.head.bias', D, 1 / Math.sqrt(D)), shape: [D] },
  };
}

async function writeModel(folder: string): Promise<string> {
  const tensors = new Map<string, SafetensorsTensor>();
  for (const [name, shape] of Object.entries(wide.tensors)) {
    const data = draw(
      name,
      shape.reduce((a, b) => a * b, 1),
      0.05,
    );
    tensors.set(name, { dtype: 'F32', shape, data: name.endsWith('LayerNorm.weight') ? data.map((v) => 1 + v) : data });
  }
  await writeSafetensors(join(folder, WEIGHTS_FILE), tensors);
  await writeFile(join(folder, 'config.json'), JSON.stringify(wide.config));
  return convertBert(folder, { cacheDir: folder });
}

describe('D = L = 768', () => {
  let folder: string;
  let modelPath: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fungi-wide-'));
    modelPath = await writeModel(folder);
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function gradients(pooling: Pooling, texts: readonly (readonly number[])[], mode: Mode, temperature: number) {
    const engine = await createEngine(idEncoder(modelPath, pooling));
    const program = await engine.program({ loss: kl({ mode, temperature }), gradient: { kind: 'factors' } }, head());
    const states = await engine.encode(texts.map(asItem));
    const result = await program.run(
      states,
      texts.map((_, i) => [i]),
    );
    await engine.close();
    return result;
  }

  const modes = wide.first[0]!.cases.map(({ mode, temperature }) => [mode, temperature] as const);
  it.each(modes)('first token, %s mode, T = %d', async (mode, temperature) => {
    const { loss, factors, pooled } = await gradients(
      'first',
      wide.first.map(({ ids }) => ids),
      mode,
      temperature,
    );
    wide.first.forEach((text, i) => {
      const golden = text.cases.find((c) => c.mode === mode && c.temperature === temperature)!;
      expect(relativeError(pooled.subarray(i * D, (i + 1) * D), values(text.pooled))).toBeLessThan(1e-5);
      expect(relativeError([loss[i]!], values(golden.value))).toBeLessThan(TOLERANCE);
      expect(relativeError(factors[i]!.delta, values(golden.delta))).toBeLessThan(TOLERANCE);
      expect(relativeError(factors[i]!.x, values(text.x))).toBeLessThan(1e-5);
    });
  });

  it('mean pooling', async () => {
    const { mode, temperature, ids, value, delta, x } = wide.mean;
    const { loss, factors } = await gradients('mean', [ids], mode, temperature);
    expect(relativeError([loss[0]!], values(value))).toBeLessThan(TOLERANCE);
    expect(relativeError(factors[0]!.delta, values(delta))).toBeLessThan(TOLERANCE);
    expect(relativeError(factors[0]!.x, values(x))).toBeLessThan(1e-5);
  });
});
