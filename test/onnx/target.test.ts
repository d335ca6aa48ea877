/** The target layer is found by structure, on the forms in which attention is exported, and can be named. */
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../src/core/errors.js';
import { Graph } from '../../src/onnx/graph.js';
import { findTarget, type TargetLayer } from '../../src/onnx/target.js';
import { graphProto, Toy, WIDTH } from './toy-graphs.js';

const MODEL = 'toy.onnx';

const target = (toy: Toy, output: string, name?: string): TargetLayer =>
  findTarget(new Graph(graphProto(toy.g), [output]), MODEL, name);

function refusal(toy: Toy, output: string, name?: string): FungiError {
  try {
    target(toy, output, name);
  } catch (error) {
    if (FungiError.is(error)) return error;
    throw error;
  }
  throw new Error('a target was found');
}

describe('by structure', () => {
  it('takes the output projection of the only attention', () => {
    const toy = new Toy();
    expect(target(toy, toy.block('a'))).toEqual({
      node: 'a.o',
      input: 'a.merged.y',
      output: 'a.o.y',
      inFeatures: WIDTH,
      outFeatures: WIDTH,
      bias: true,
    });
  });

  it('takes the last of several', () => {
    const toy = new Toy();
    expect(target(toy, toy.block('c', toy.block('b', toy.block('a')))).node).toBe('c.o');
  });

  it('takes none of two that stand side by side, and lists them', () => {
    const toy = new Toy();
    const both = toy.op('Add', [toy.block('a'), toy.block('b')], 'both');
    const error = refusal(toy, both);
    expect(error.code).toBe('TARGET_NOT_FOUND');
    expect(error.message).toMatch(/^toy\.onnx: 2 self-attentions .* side by side/);
    expect(error.hint).toContain('a.o.y, b.o.y');
    expect(error.details).toEqual({ outputs: ['a.o.y', 'b.o.y'] });
    expect(target(toy, both, 'a.o.y').node).toBe('a.o');
  });

  it('takes the last one that leads to the output asked for', () => {
    const toy = new Toy();
    const first = toy.block('a');
    toy.block('b', first);
    expect(target(toy, first).node).toBe('a.o');
  });

  const dropout = (toy: Toy, y: string, name: string): string => toy.op('Dropout', [y], `${name}.dropout`);
  it.each([
    ['a head mask after the softmax', { afterSoftmax: (toy, y, name) => toy.op('Mul', [y, 'mask'], `${name}.hm`) }],
    ['dropout after the softmax', { afterSoftmax: dropout }],
    [
      'a guard against rows without a key',
      { afterSoftmax: (toy, y, name) => toy.op('Where', ['flag', toy.weight(`${name}.zero`, []), y], `${name}.guard`) },
    ],
    ['a cast after the softmax', { afterSoftmax: (toy, y, name) => toy.op('Cast', [y], `${name}.cast`) }],
    ['no mask', { mask: (_, y) => y }],
    ['a mask before the scores', { mask: (toy, y, name) => toy.op('Add', ['mask', y], `${name}.masked`) }],
    [
      'a head mask before the softmax’s result',
      { afterSoftmax: (toy, y, name) => toy.op('Mul', [toy.op('Neg', ['mask'], `${name}.neg`), y], `${name}.hm`) },
    ],
    [
      'a mask by selection',
      { mask: (toy, y, name) => toy.op('Where', ['flag', y, toy.weight(`${name}.low`, [])], `${name}.where`) },
    ],
  ] as const satisfies [string, Parameters<Toy['block']>[2]][])('sees through %s', (_, change) => {
    const toy = new Toy();
    expect(target(toy, toy.block('b', toy.block('a'), change)).node).toBe('b.o');
  });

  it('sees through dropout before the output projection', () => {
    const toy = new Toy();
    const mixed = toy.op('Dropout', [toy.attention('a', 'x', 'x')], 'dropped');
    expect(target(toy, toy.rest(toy.linear(mixed, 'a.o'), 'x', 'a')).node).toBe('a.o');
  });

  it.each(['Attention', 'MultiHeadAttention'])('takes the projection behind a fused %s', (type) => {
    const toy = new Toy();
    const qkv = type === 'Attention' ? [toy.block('a'), toy.weight('qkv', [WIDTH, 12])] : ['x', 'x', 'x'];
    const fused = toy.op(type, qkv, 'fused', {}, 'com.microsoft');
    expect(target(toy, toy.rest(toy.linear(fused, 'b.o'), 'x', 'b')).node).toBe('b.o');
  });

  it('does not take a pooling head whose query is learned', () => {
    const toy = new Toy();
    const last = toy.block('a');
    const learned = toy.linear(toy.weight('probe', [1, 1, WIDTH]), 'head.q');
    const pooled = toy.linear(toy.attention('head', learned, last), 'head.o');
    expect(target(toy, toy.rest(pooled, pooled, 'head')).node).toBe('a.o');
  });

  it('does not take it either when the query is repeated for the batch', () => {
    const toy = new Toy();
    const last = toy.block('a');
    const repeated = toy.op('Expand', [toy.weight('probe', [1, 1, WIDTH]), toy.op('Shape', ['x'], 'size')], 'repeat');
    const pooled = toy.linear(toy.attention('head', toy.linear(repeated, 'head.q'), last), 'head.o');
    expect(target(toy, pooled).node).toBe('a.o');
  });

  it('nor when it is fused', () => {
    const toy = new Toy();
    const last = toy.block('a');
    const heads = [toy.weight('probe', [1, 1, WIDTH]), last, last];
    const pooled = toy.op('MultiHeadAttention', heads, 'fused', {}, 'com.microsoft');
    expect(target(toy, toy.linear(pooled, 'head.o')).node).toBe('a.o');
  });

  it.each([
    [0, [6, WIDTH]],
    [1, [WIDTH, 6]],
  ] as const)('reads the widths and the bias of a Gemm with transB %d', (transB, shape) => {
    const toy = new Toy();
    const [rows, columns] = transB === 1 ? shape.toReversed() : shape;
    const flat = toy.op('Reshape', [toy.attention('a', 'x', 'x'), toy.g.integers([-1, rows])], 'flat');
    const layer = (inputs: string[], name: string): string => toy.op('Gemm', [flat, ...inputs], name, { transB });
    const biased = layer([toy.weight('w', shape), toy.weight('b', [columns])], 'biased');
    expect(target(toy, biased)).toMatchObject({ inFeatures: 6, outFeatures: WIDTH, bias: true });
    expect(target(toy, layer([toy.weight('v', shape)], 'plain'))).toMatchObject({ node: 'plain', bias: false });
    expect(target(toy, layer([toy.weight('u', shape), ''], 'unnamed'))).toMatchObject({ bias: false });
  });

  it('reads a weight through a transpose, and no bias where none is added', () => {
    const toy = new Toy();
    const turned = toy.op('Transpose', [toy.weight('w', [3, WIDTH])], 'turn');
    const projected = toy.op('MatMul', [toy.attention('a', 'x', 'x'), turned], 'a.o');
    expect(target(toy, projected)).toMatchObject({ node: 'a.o', inFeatures: WIDTH, outFeatures: 3, bias: false });
  });

  it.each([
    [1, false],
    [2, false],
    [3, true],
  ])('reads the bias that a fused residual and normalisation took in (%d vectors)', (vectors, bias) => {
    const toy = new Toy();
    const projected = toy.op('MatMul', [toy.attention('a', 'x', 'x'), toy.weight('w')], 'a.o');
    const own = Array.from({ length: vectors }, (_, i) => toy.weight(`v${i}`, [WIDTH]));
    const out = toy.op('SkipLayerNormalization', [projected, 'x', ...own], 'norm', {}, 'com.microsoft');
    expect(target(toy, out)).toMatchObject({ node: 'a.o', bias });
  });

  it('takes the projection behind products that took a transposition in', () => {
    const toy = new Toy();
    const scores = toy.op('FusedMatMul', ['x', 'x'], 'scores', { transB: 1 }, 'com.microsoft');
    const mixed = toy.op('FusedMatMul', [toy.op('Softmax', [scores], 'soft'), 'x'], 'mixed', {}, 'com.microsoft');
    expect(target(toy, toy.linear(mixed, 'a.o')).node).toBe('a.o');
  });

  it('does not take the residual for a bias', () => {
    const toy = new Toy();
    const projected = toy.op('MatMul', [toy.attention('a', 'x', 'x'), toy.weight('w')], 'a.o');
    expect(target(toy, toy.op('Add', [projected, 'x'], 'sum')).bias).toBe(false);
  });
});

describe('without an attention', () => {
  it('names the model, the output and the linear layers there are', () => {
    const toy = new Toy();
    const error = refusal(toy, toy.rest(toy.linear('x', 'only'), 'x', 'mlp'));
    expect(error).toMatchObject({ code: 'TARGET_NOT_FOUND', httpStatus: 422 });
    expect(error.message).toContain(MODEL);
    expect(error.message).toContain('"mlp.out.y"');
    for (const name of ['only', 'mlp.up', 'mlp.down']) expect(error.hint).toContain(name);
  });

  it('says when there is no linear layer at all', () => {
    const toy = new Toy();
    expect(refusal(toy, toy.op('Tanh', ['x'], 'act')).hint).toContain('the graph has none');
  });

  it('takes neither a softmax that no keys went into nor one that mixes constants', () => {
    const toy = new Toy();
    const gate = toy.op('MatMul', [toy.op('Softmax', ['x'], 'gate'), 'x'], 'gated');
    const lookup = toy.op('MatMul', [toy.op('Softmax', [gate], 'soft'), toy.weight('table')], 'lookup');
    expect(refusal(toy, toy.linear(lookup, 'out')).code).toBe('TARGET_NOT_FOUND');
  });
});

describe('by name', () => {
  it('takes a layer by its output, whatever nodes are called', () => {
    const toy = new Toy();
    const first = toy.g.op('MatMul', ['x', toy.weight('w')], {}, { name: '' });
    const second = toy.g.op('MatMul', [first, toy.weight('v')], {}, { name: '' });
    const out = toy.op('Tanh', [second], first); // a node that is called as another's output
    expect(target(toy, out, first)).toMatchObject({ output: first, node: '' });
    expect(target(toy, out, second)).toMatchObject({ output: second, node: '' });
  });

  it('refuses a name that several layers have, naming the outputs that tell them apart', () => {
    const toy = new Toy();
    const first = toy.g.op('MatMul', ['x', toy.weight('w')], {}, { name: 'dense' });
    const second = toy.g.op('MatMul', [first, toy.weight('v')], {}, { name: 'dense' });
    const error = refusal(toy, second, 'dense');
    expect(error.code).toBe('TARGET_NOT_FOUND');
    for (const output of [first, second]) expect(error.hint).toContain(output);
  });

  it('refuses a weight that several layers share', () => {
    const toy = new Toy();
    const shared = toy.weight('w');
    const out = toy.op('MatMul', [toy.op('MatMul', ['x', shared], 'first'), shared], 'second');
    expect(refusal(toy, out, 'w').hint).toContain('first.y, second.y');
  });

  it.each(['a.up', 'a.up.weight'])('takes the layer "%s"', (name) => {
    const toy = new Toy();
    expect(target(toy, toy.block('a'), name)).toMatchObject({ node: 'a.up', output: 'a.up.y', bias: true });
  });

  it('takes a layer by the name of a weight that is transposed first', () => {
    const toy = new Toy();
    const turned = toy.op('Transpose', [toy.weight('w', [3, WIDTH])], 'turn');
    expect(target(toy, toy.op('MatMul', ['x', turned], 'lin'), 'w')).toMatchObject({ node: 'lin', outFeatures: 3 });
  });

  it('offers the weights of layers without a name', () => {
    const toy = new Toy();
    const out = toy.g.op('MatMul', ['x', toy.weight('w')], {}, { name: '' });
    expect(refusal(toy, out).hint).toContain(' w.');
  });

  it.each([
    ['a.act', 'is a Tanh'],
    ['a.softmax', 'is a Softmax'],
    ['a.scores', 'is a MatMul'],
    ['nowhere', 'is not on the way to the output'],
  ])('refuses "%s", saying that it %s', (name, reason) => {
    const toy = new Toy();
    const error = refusal(toy, toy.block('a'), name);
    expect(error.code).toBe('TARGET_NOT_FOUND');
    for (const part of [MODEL, `"${name}"`, reason]) expect(error.message).toContain(part);
    expect(error.hint).toContain('a.down');
  });

  it('refuses a layer that does not lead to the output', () => {
    const toy = new Toy();
    const first = toy.block('a');
    toy.block('b', first);
    expect(refusal(toy, first, 'b.o').message).toContain('is not on the way to the output');
  });
});
