import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { cutAt, type Cut } from '../../src/onnx/cut.js';
import { Graph } from '../../src/onnx/graph.js';
import type { NodeProto } from '../../src/onnx/proto/onnx_pb.js';
import { findTarget } from '../../src/onnx/target.js';
import { graphProto, Toy, WIDTH } from './toy-graphs.js';

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

  it('cuts before the reshape that makes rows of tokens for a Gemm', () => {
    const toy = new Toy();
    const flat = toy.op('Reshape', [toy.attention('a', 'x', 'x'), toy.g.integers([-1, WIDTH])], 'flat');
    const { tail, boundary } = cut(toy, toy.op('Gemm', [flat, toy.weight('w')], 'a.o'));
    expect(boundary).toEqual(['a.merged.y']);
    expect(names(tail)).toEqual(['flat', 'a.o']);
  });

  it('refuses a tail that reads an input of the model, naming both', () => {
    const toy = new Toy();
    const out = toy.op('Add', [toy.linear(toy.attention('a', 'x', 'x'), 'a.o'), 'x'], 'sum');
    expect(() => cut(toy, out)).toThrow(FungiError);
    expect(() => cut(toy, out)).toThrow(/toy\.onnx.*"x"/);
  });
});
