import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { cutAt, type Cut } from '../../src/onnx/cut.js';
import { Graph } from '../../src/onnx/graph.js';
import type { NodeProto } from '../../src/onnx/proto/onnx_pb.js';
import { findTarget } from '../../src/onnx/target.js';
import { graphProto, Toy, WIDTH, type AttentionChange } from './toy-graphs.js';

function cut(toy: Toy, output: string, name?: string): Cut {
  const graph = new Graph(graphProto(toy.g), [output]);
  return cutAt(graph, findTarget(graph, 'toy.onnx', name), 'toy.onnx');
}

const names = (nodes: readonly NodeProto[]): string[] => nodes.map((node) => node.name);

describe('cutAt', () => {
  it('parts a model at the target: its input and the residual cross, nothing is computed twice', () => {
    const toy = new Toy();
    const { tail, trunk, boundary } = cut(toy, toy.block('b', toy.block('a')));
    expect(boundary).toEqual(['b.merged.y', 'a.out.y']);
    expect(names(tail)).toEqual([
      'b.o', 'b.o.add', 'b.residual', 'b.up', 'b.up.add', 'b.act', 'b.down', 'b.down.add', 'b.out',
    ]); // prettier-ignore
    expect(names(trunk)).toContain('b.softmax');
    expect(names(trunk).filter((name) => names(tail).includes(name))).toEqual([]);
  });

  it('leaves computed constants and shapes to the tail', () => {
    const toy = new Toy();
    const turned = toy.op('Transpose', [toy.weight('w')], 'turn', { perm: [1, 0] });
    const projected = toy.op('MatMul', [toy.attention('a', 'x', 'x'), turned], 'a.o');
    const size = toy.op('Shape', [toy.op('Neg', ['x'], 'data')], 'size');
    const { tail, boundary } = cut(toy, toy.op('Expand', [projected, size], 'out'));
    expect(names(tail)).toEqual(expect.arrayContaining(['turn', 'size', 'a.o', 'out']));
    expect(names(tail)).not.toContain('data');
    expect(boundary).toEqual(['a.merged.y', 'data.y']);
  });

  it('leaves to the tail what is made of the attention mask alone, and takes the mask for an input of it', () => {
    const toy = new Toy();
    toy.g.input('attention_mask', 'int64', ['B', 'T']);
    const wide = toy.op('Unsqueeze', ['attention_mask', toy.g.integers([1, 2])], 'wide');
    const low = toy.op('Mul', [toy.op('Cast', [wide], 'cast', { to: 1 }), toy.weight('low', [])], 'bias');
    const masked: AttentionChange = { mask: (own, scores, name) => own.op('Add', [scores, low], `${name}.masked`) };
    const embedded = toy.op('Neg', ['x'], 'embedded');
    const output = toy.block('c', toy.block('b', toy.block('a', embedded, masked), masked), masked);
    const behind = cut(toy, output);
    expect([behind.masked, behind.boundary]).toEqual([false, ['c.merged.y', 'b.out.y']]);
    const earlier = cut(toy, output, 'a.o');
    expect([earlier.masked, earlier.boundary]).toEqual([true, ['a.merged.y', 'embedded.y']]);
    expect(names(earlier.tail)).toEqual(expect.arrayContaining(['wide', 'cast', 'bias', 'b.softmax', 'c.softmax']));
    expect(names(earlier.tail)).not.toContain('a.softmax');
    expect(names(earlier.trunk)).toEqual(expect.arrayContaining(['wide', 'cast', 'bias', 'a.softmax']));
  });

  it('hands over what is made of the mask and of tokens as well', () => {
    const toy = new Toy();
    toy.g.input('attention_mask', 'float32', ['B', 'T', 1]);
    const weighed = toy.op('Mul', ['attention_mask', 'x'], 'weighed');
    const out = toy.op('Add', [toy.linear(toy.attention('a', 'x', 'x'), 'a.o'), weighed], 'out');
    const { masked, boundary } = cut(toy, out);
    expect([masked, boundary]).toEqual([false, ['a.merged.y', 'weighed.y']]);
  });

  it('cuts before the reshape that makes rows of tokens for a Gemm', () => {
    const toy = new Toy();
    const flat = toy.op('Reshape', [toy.attention('a', 'x', 'x'), toy.g.integers([-1, WIDTH])], 'flat');
    const { tail, boundary } = cut(toy, toy.op('Gemm', [flat, toy.weight('w')], 'a.o'));
    expect(boundary).toEqual(['a.merged.y']);
    expect(names(tail)).toEqual(['flat', 'a.o']);
  });

  /** The sizes that the tail reads off the target's input in place of a Shape node called `name`. */
  function readSizes({ tail, boundary, constants }: Cut, name: string): readonly (number | string)[] | undefined {
    expect(boundary).toEqual(['a.merged.y']);
    const g = new GraphBuilder('sizes');
    g.input('a.merged.y', 'float32', ['B', 'T', WIDTH]);
    constants.forEach((tensor) => g.initializer(tensor));
    tail.forEach((node) => {
      g.append(node);
    });
    return g.shapeValue(`${name}.y`);
  }

  it.each([
    [{}, ['B', 'T']],
    [{ start: -1 }, ['T']],
    [{ end: 1 }, ['B']],
    [{ start: 0, end: 9 }, ['B', 'T']],
    [{ start: 2 }, []],
  ])('reads the sizes of an input [B,T] off the target’s input: %j', (attributes, sizes) => {
    const toy = new Toy();
    toy.g.input('ids', 'int64', ['B', 'T']);
    const read = toy.op('Shape', ['ids'], 'sizes', attributes);
    const projected = toy.linear(toy.attention('a', 'x', 'x'), 'a.o');
    const whole = toy.op('Concat', [read, toy.g.integers([WIDTH])], 'whole', { axis: 0 });
    expect(readSizes(cut(toy, toy.op('Reshape', [projected, whole], 'out')), 'sizes')).toEqual(sizes);
  });

  it.each([
    [{}, ['B', 2, 'T', 2]],
    [{ start: 2, end: 3 }, ['T']],
    [{ start: 1, end: -1 }, [2, 'T']],
  ])('reads sizes of keys by their heads off it, as T5 asks for them: %j', (attributes, sizes) => {
    const toy = new Toy();
    toy.g.input('ids', 'int64', ['B', 'T']);
    const keys = toy.heads(toy.op('Gather', [toy.weight('words', [9, WIDTH]), 'ids'], 'embedded'), 'a.keys');
    const read = toy.op('Shape', [keys], 'sizes', attributes);
    const projected = toy.linear(toy.attention('a', 'embedded.y', 'embedded.y'), 'a.o');
    const scale = toy.op('ReduceProd', [read], 'scale');
    expect(readSizes(cut(toy, toy.op('Mul', [projected, scale], 'out')), 'sizes')).toEqual(sizes);
  });

  it('does not take an input of another rank for rows of tokens', () => {
    const toy = new Toy();
    const sizes = toy.op('Shape', ['x'], 'sizes');
    const out = toy.op('Expand', [toy.linear(toy.attention('a', 'x', 'x'), 'a.o'), sizes], 'out');
    expect(() => cut(toy, out)).toThrow(/toy\.onnx.*"x"/);
  });

  it('refuses a tail that reads an input of the model, naming both', () => {
    const toy = new Toy();
    const out = toy.op('Add', [toy.linear(toy.attention('a', 'x', 'x'), 'a.o'), 'x'], 'sum');
    expect(() => cut(toy, out)).toThrow(FungiError);
    expect(() => cut(toy, out)).toThrow(/toy\.onnx.*"x"/);
  });
});
