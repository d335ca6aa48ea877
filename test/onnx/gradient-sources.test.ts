/** Layers that gradients can be taken of are found by structure, in the order of the blocks. */
import { describe, expect, it } from 'vitest';
import { findGradientSources, type GradientSource } from '../../src/onnx/gradient-sources.js';
import { Graph } from '../../src/onnx/graph.js';
import { findTarget } from '../../src/onnx/target.js';
import { graphProto, Toy, WIDTH } from './toy-graphs.js';

const graphOf = (toy: Toy, output: string): Graph => new Graph(graphProto(toy.g), [output]);
const found = (toy: Toy, output: string): GradientSource[] => findGradientSources(graphOf(toy, output));
const shown = (sources: readonly GradientSource[]): string[] =>
  sources.map(({ block, kind, name }) => `${block} ${kind} ${name}`);

describe('findGradientSources', () => {
  it('lists the attention output and the second MLP layer of each block, by names that are targets', () => {
    const toy = new Toy();
    const output = toy.block('c', toy.block('b', toy.block('a')));
    const sources = found(toy, output);
    expect(shown(sources)).toEqual([
      '0 attention-output a.o.y', '0 mlp-output a.down.y',
      '1 attention-output b.o.y', '1 mlp-output b.down.y',
      '2 attention-output c.o.y', '2 mlp-output c.down.y',
    ]); // prettier-ignore
    expect(sources[0]).toMatchObject({ inFeatures: WIDTH, outFeatures: WIDTH });
    const graph = graphOf(toy, output);
    for (const { name, inFeatures } of sources)
      expect(findTarget(graph, 'toy.onnx', name)).toMatchObject({ output: name, inFeatures });
  });

  it('leaves out blocks that do not lead to the output', () => {
    const toy = new Toy();
    const first = toy.block('a');
    toy.block('b', first);
    expect(shown(found(toy, first))).toEqual(['0 attention-output a.o.y', '0 mlp-output a.down.y']);
  });

  /** An MLP behind one attention: `write` makes the second layer's input of the block's states. */
  function mlp(write: (toy: Toy, hidden: string) => string): string[] {
    const toy = new Toy();
    const hidden = toy.op('Add', [toy.linear(toy.attention('a', 'x', 'x'), 'a.o'), 'x'], 'hidden');
    return shown(found(toy, toy.op('Add', [toy.linear(write(toy, hidden), 'down'), hidden], 'out')));
  }
  const isFound = ['0 attention-output a.o.y', '0 mlp-output down.y'];
  const isNot = ['0 attention-output a.o.y'];

  it.each<[string, (toy: Toy, hidden: string) => string]>([
    [
      'a gate',
      (toy, h) => toy.op('Mul', [toy.op('Gelu', [toy.linear(h, 'gate')], 'act'), toy.linear(h, 'up')], 'gated'),
    ],
    [
      'a gate in one weight',
      (toy, h) => {
        const both = toy.linear(h, 'up');
        const half = (from: number): string =>
          toy.op(
            'Slice',
            [both, toy.g.integers([from]), toy.g.integers([from + 2]), toy.g.integers([2])],
            `half${from}`,
          );
        return toy.op('Mul', [toy.op('Tanh', [half(0)], 'act'), half(2)], 'gated');
      },
    ],
    [
      'GELU in parts',
      (toy, h) => {
        const up = toy.linear(h, 'up');
        const bent = toy.op('Erf', [toy.op('Div', [up, toy.weight('root', [])], 'scaled')], 'erf');
        return toy.op('Mul', [up, toy.op('Add', [bent, toy.weight('one', [])], 'shifted')], 'gelu');
      },
    ],
    [
      'dropout and a cast',
      (toy, h) => toy.op('Cast', [toy.op('Dropout', [toy.op('Relu', [toy.linear(h, 'up')], 'act')], 'drop')], 'cast'),
    ],
  ])('sees through %s', (_, write) => {
    expect(mlp(write)).toEqual(isFound);
  });

  it.each<[string, (toy: Toy, hidden: string) => string]>([
    ['a layer on the states themselves, as queries and keys are', (_, h) => h],
    [
      'a layer behind a normalisation',
      (toy, h) => toy.op('LayerNormalization', [toy.linear(h, 'up'), toy.weight('g', [WIDTH])], 'norm'),
    ],
    ['two layers without an activation between', (toy, h) => toy.linear(h, 'up')],
    [
      'a layer behind another with a scale between',
      (toy, h) => toy.op('Mul', [toy.linear(h, 'up'), toy.weight('s', [])], 'scaled'),
    ],
    ['a layer on an activation of the states', (toy, h) => toy.op('Tanh', [h], 'act')],
  ])('does not take %s for one', (_, write) => {
    expect(mlp(write)).toEqual(isNot);
  });

  it('counts an MLP before the first attention for none, and several of a block for that block', () => {
    const toy = new Toy();
    const embedded = toy.linear(toy.op('Tanh', [toy.linear('x', 'e.up')], 'e.act'), 'e.down');
    const twice = toy.rest(toy.block('a', embedded), embedded, 'more');
    expect(shown(found(toy, toy.block('b', twice)))).toEqual([
      '0 attention-output a.o.y', '0 mlp-output a.down.y', '0 mlp-output more.down.y',
      '1 attention-output b.o.y', '1 mlp-output b.down.y',
    ]); // prettier-ignore
  });

  it('finds none in a graph without attention', () => {
    const toy = new Toy();
    expect(found(toy, toy.rest(toy.linear('x', 'only'), 'x', 'mlp'))).toEqual([]);
  });
});
