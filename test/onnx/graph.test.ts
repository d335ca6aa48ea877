import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { assertOutput, dependencies, Graph } from '../../src/onnx/graph.js';
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type NodeProto,
} from '../../src/onnx/proto/onnx_pb.js';
import { graphProto } from './toy-graphs.js';

const names = (nodes: readonly NodeProto[]): string[] => nodes.map((node) => node.name);

/** x → double → sum → out, with a branch that out does not need, a constant subgraph and a shape path. */
function toy(): GraphBuilder {
  const g = new GraphBuilder('toy');
  g.input('x', 'float32', ['B', 2]);
  g.constant({ type: 'float32', data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, 'w');
  g.constant({ type: 'float32', data: Float32Array.of(1), shape: [] }, 'v');
  const op = (type: string, inputs: string[], name: string): string =>
    g.op(type, inputs, {}, { name, outputs: [`${name}.y`] });
  op('Transpose', ['w'], 'transpose');
  op('MatMul', ['x', 'transpose.y'], 'double');
  op('Shape', ['x'], 'shape');
  op('Expand', ['v', 'shape.y'], 'expand');
  op('Neg', ['double.y'], 'unused');
  op('Add', ['double.y', 'expand.y'], 'sum');
  g.output('sum.y', 'float32', ['B', 2], 'sum.y');
  return g;
}

describe('Graph', () => {
  const graph = new Graph(graphProto(toy()), ['sum.y']);

  it('keeps what the outputs need, in order', () => {
    expect(names(graph.nodes)).toEqual(['transpose', 'double', 'shape', 'expand', 'sum']);
    expect(names(new Graph(graphProto(toy()), ['unused.y']).nodes)).toEqual(['transpose', 'double', 'unused']);
  });

  it('knows who makes and who uses a tensor', () => {
    expect(graph.maker('double.y')?.name).toBe('double');
    expect(graph.maker('x')).toBeUndefined();
    expect(names(graph.usersOf('x'))).toEqual(['double', 'shape']);
    expect(names(graph.usersOf('double.y'))).toEqual(['sum']);
    expect(graph.usersOf('sum.y')).toEqual([]);
  });

  it('tells constants, also computed ones, from what an input decides', () => {
    expect(['w', 'transpose.y'].every((name) => graph.isConstant(name))).toBe(true);
    expect(['x', 'double.y', 'shape.y', 'expand.y', 'sum.y'].some((name) => graph.isConstant(name))).toBe(false);
  });

  it('lets no values through a Shape node', () => {
    expect(['x', 'double.y', 'sum.y'].every((name) => graph.carriesData(name))).toBe(true);
    expect(['w', 'shape.y', 'expand.y'].some((name) => graph.carriesData(name))).toBe(false);
  });

  it('takes an input that has an initializer for a constant, as files of old IR versions list them', () => {
    const proto = graphProto(toy());
    proto.input.push(create(ValueInfoProtoSchema, { name: 'w' }));
    const old = new Graph(proto, ['sum.y']);
    expect([old.isInput('x'), old.isInput('w')]).toEqual([true, false]);
    expect([old.isConstant('w'), old.carriesData('w')]).toEqual([true, false]);
  });

  it('walks upstream, and downstream', () => {
    expect(names(graph.upstreamOf(['sum.y']))).toEqual(names(graph.nodes));
    expect(names(graph.upstreamOf(['double.y']))).toEqual(['transpose', 'double']);
    expect(graph.upstreamOf(['x'])).toEqual([]);
    expect(names(graph.downstreamOf('double.y'))).toEqual(['sum']);
    expect(names(graph.downstreamOf('x'))).toEqual(['double', 'shape', 'expand', 'sum']);
  });
});

describe('dependencies', () => {
  it('leaves out absent optional inputs', () => {
    expect(dependencies(create(NodeProtoSchema, { opType: 'Clip', input: ['x', '', 'max'] }))).toEqual(['x', 'max']);
  });

  it('counts what a subgraph captures, at any depth, and not what it makes', () => {
    const inner = create(NodeProtoSchema, { opType: 'Sum', input: ['local', 'own', 'captured'], output: ['z'] });
    const branch = create(GraphProtoSchema, {
      initializer: [create(TensorProtoSchema, { name: 'own' })],
      input: [create(ValueInfoProtoSchema, { name: 'local' })],
      node: [inner, create(NodeProtoSchema, { opType: 'Neg', input: ['z'], output: ['out'] })],
    });
    const conditional = (g: typeof branch): NodeProto =>
      create(NodeProtoSchema, {
        opType: 'If',
        input: ['condition'],
        attribute: [create(AttributeProtoSchema, { name: 'then_branch', g })],
      });
    expect(dependencies(conditional(branch))).toEqual(['condition', 'captured']);
    const nested = create(GraphProtoSchema, { node: [conditional(branch)] });
    expect(dependencies(conditional(nested))).toEqual(['condition', 'condition', 'captured']);
  });
});

describe('assertOutput', () => {
  const proto = graphProto(toy());
  it('takes outputs and inner tensors', () => {
    expect(() => {
      assertOutput(proto, 'sum.y', 'toy');
      assertOutput(proto, 'double.y', 'toy');
    }).not.toThrow();
  });

  it('names the model, the tensor and the outputs there are', () => {
    expect(() => {
      assertOutput(proto, 'pooler', 'toy.onnx');
    }).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        message: expect.stringMatching(/toy\.onnx.*"pooler".*sum\.y/) as string,
      }),
    );
  });
});
