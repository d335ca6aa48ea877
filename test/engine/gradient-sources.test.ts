/** Candidate layers of every encoder family, in each form in which the hub offers it. */
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import type { EngineName } from '../../src/engine/tails.js';
import { kl } from '../../src/losses/kl.js';
import { fixture, readGolden, relativeError } from '../support/golden.js';
import { idEncoder } from '../support/id-encoder.js';

const FAMILIES = [
  'bert',
  'distilbert',
  'roberta',
  'mpnet',
  'deberta',
  'modernbert',
  't5',
  't5-gated',
  'albert',
  'electra',
];
const FILES = FAMILIES.flatMap((family) => ['plain', 'optimised', 'fp16'].map((kind) => [family, kind] as const));

interface Golden {
  readonly target: { readonly outFeatures: number; readonly inFeatures: number };
}

describe('gradientSources', () => {
  it.each(FILES)('finds both layers of each block of %s, %s', async (family, kind) => {
    const { target } = readGolden(`families/${family}/expected.json`) as Golden;
    const found = await gradientSources({ id: family, modelPath: fixture(`families/${family}/${kind}.onnx`) });
    const blocks = family === 'modernbert' ? 3 : 2;
    const expected = Array.from({ length: blocks }, (_, block) => [
      { block, kind: 'attention-output', inFeatures: target.inFeatures, outFeatures: target.outFeatures },
      { block, kind: 'mlp-output', inFeatures: 32, outFeatures: target.outFeatures },
    ]).flat();
    expect(found).toMatchObject(expected);
    expect(found).toHaveLength(expected.length);
    expect(new Set(found.map(({ name }) => name)).size).toBe(found.length);
  });

  it('finds those of the unquantised file of a quantised model, and none without it', async () => {
    const quantised = { id: 'bert', modelPath: fixture('families/bert/dynamic.onnx') };
    expect(await gradientSources(quantised)).toEqual([]);
    const modelPath = fixture('families/bert/plain.onnx');
    const both = { ...quantised, unquantised: { modelPath, modelSha256: '' } };
    expect(await gradientSources(both)).toEqual(await gradientSources({ id: 'bert', modelPath }));
  });

  it.each([
    ['a file that is not there', { modelPath: fixture('families/bert/nowhere.onnx') }, {}, 'FILE_NOT_FOUND'],
    [
      'an output that is not there',
      { modelPath: fixture('families/bert/plain.onnx') },
      { output: 'nowhere' },
      'INVALID_ARGUMENT',
    ],
  ])('refuses %s', async (_, encoder, options, code) => {
    await expect(gradientSources({ id: 'bert', ...encoder }, options)).rejects.toMatchObject({ code });
  });
});

describe('the first block of every family', () => {
  /** δ of the KL loss of two items, and its value. */
  async function deltas(family: string, engine: EngineName, target?: string) {
    const made = await createEngine(idEncoder(fixture(`families/${family}/plain.onnx`), 'first', pad(family)), {
      engine,
      ...(target !== undefined && { target }),
    });
    try {
      made.assertDifferentiable();
      const states = await made.encode(['1 5 9 12 7 2', '1 8 2']);
      const program = await made.program({
        loss: kl({ mode: 'paper', temperature: 1, head: 'none' }),
        gradient: { kind: 'factors' },
      });
      const { factors, pooled } = await program.run(states, [[0], [1]]);
      return { pooled, delta: factors.flatMap(({ delta }) => [...delta]), sliced: made.info.sliced };
    } finally {
      await made.close();
    }
  }
  const pad = (family: string): number => (family === 'roberta' || family === 'mpnet' ? 1 : 0);

  it.each(FAMILIES)(
    'of %s has the embedding of the whole, and a gradient on which both engines agree',
    async (family) => {
      const [first] = await gradientSources({ id: family, modelPath: fixture(`families/${family}/plain.onnx`) });
      const judge = await deltas(family, 'tfjs', first!.name);
      const last = await deltas(family, 'onnx');
      expect([judge.sliced, last.sliced]).toEqual([false, true]);
      expect(relativeError(judge.pooled, last.pooled)).toBeLessThan(1e-5);
      expect(Math.hypot(...judge.delta)).toBeGreaterThan(0);
      if (family === 'deberta') {
        const refused = { code: 'OP_UNSUPPORTED', details: { op: 'GatherElements' } };
        await expect(deltas(family, 'onnx', first!.name)).rejects.toMatchObject(refused);
      } else expect(relativeError((await deltas(family, 'onnx', first!.name)).delta, judge.delta)).toBeLessThan(1e-4);
    },
  );
});
