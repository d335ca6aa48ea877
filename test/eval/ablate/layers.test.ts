/** Layers by their short names, on the fixtures of two families. */
import { describe, expect, it } from 'vitest';
import { gradientSources } from '../../../src/engine/gradient-sources.js';
import { layerName, layerTensor, namedLayers, withLayers, withOneLayer } from '../../../src/eval/ablate/layers.js';
import { fixture } from '../../support/golden.js';

const sources = await gradientSources({ id: 'bert', modelPath: fixture('families/bert/plain.onnx') });
const layers = namedLayers(sources);
const levelsOf = (...levels: string[]): readonly string[] => withLayers({ name: 'layer', levels }, sources).levels;
const ALL = ['0.attention', '0.mlp', '1.attention', '1.mlp'];

describe('layers', () => {
  it('have names that lead back to their tensors', () => {
    expect(layers.map(({ name }) => name)).toEqual(ALL);
    for (const { name, tensor } of layers) {
      expect(layerTensor(name, layers)).toBe(tensor);
      expect(layerName(tensor, layers)).toBe(name);
    }
    expect(layerName('elsewhere', layers)).toBe('elsewhere');
    expect(layerTensor('elsewhere', layers)).toBe('elsewhere');
  });

  it('are named by their tensors where a block has several of a kind', () => {
    const twice = [...sources, { ...sources[1]!, name: 'second' }];
    const names = namedLayers(twice).map(({ name }) => name);
    expect(names).toEqual(['0.attention', sources[1]!.name, '1.attention', '1.mlp', 'second']);
  });

  it('are spelled out', () => {
    expect(levelsOf('all')).toEqual(ALL);
    expect(levelsOf('attention')).toEqual(['0.attention', '1.attention']);
    expect(levelsOf('mlp', '1.attention')).toEqual(['0.mlp', '1.mlp', '1.attention']);
    expect(levelsOf(sources[2]!.name)).toEqual(['1.attention']);
    const head = { name: 'head', levels: ['all'] } as const;
    expect(withLayers(head, sources)).toBe(head);
  });

  it.each([
    [['2.mlp'], 'TARGET_NOT_FOUND', /no layer "2.mlp"/],
    [['elsewhere'], 'TARGET_NOT_FOUND', /no layer "elsewhere"/],
    [['all', '0.mlp'], 'INVALID_ARGUMENT', /"0.mlp" is given twice/],
  ])('refuses %j', (levels, code, message) => {
    expect(() => levelsOf(...levels)).toThrow(message);
    expect(() => levelsOf(...levels)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('says so where a model has none', () => {
    expect(() => withLayers({ name: 'layer', levels: ['all'] }, [])).toThrow(/no layer "all"/);
  });

  it('is one where all levels are to have it', () => {
    expect(withOneLayer({ layer: sources[1]!.name, head: 'none' }, sources)).toEqual({ layer: '0.mlp', head: 'none' });
    expect(withOneLayer({ head: 'none' }, sources)).toEqual({ head: 'none' });
    expect(() => withOneLayer({ layer: 'mlp' }, sources)).toThrow(/stands for 2 layers/);
  });
});
