/** Candidate layers of every encoder family, in each form in which the hub offers it. */
import { describe, expect, it } from 'vitest';
import { gradientSources } from '../../src/engine/gradient-sources.js';
import { fixture, readGolden } from '../support/golden.js';

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
