/** A stop-gradient: what it computes, that nothing flows back through it, and that it is told from an Identity wherever it goes. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { gradientPath } from '../../src/onnx/gradient-path.js';
import { ops } from '../../src/onnx/ops.js';
import { ModelProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import { stopsGradient } from '../../src/onnx/stop-gradient.js';
import { fromBinary } from '@bufbuild/protobuf';
import { evaluate } from './interpreter.js';
import { tabulate } from './value.js';
import { runInOnnxruntime } from './vjp-check.js';
import { OPSETS } from './cases/case.js';

const X = { x: tabulate('float32', [2, 3], ([i, j]) => 3 * i! + j! - 2) }; // −2 … 3

function graph(opset = 17): { g: GraphBuilder; x: string } {
  const g = new GraphBuilder('toy', opset);
  return { g, x: g.input('x', 'float32', [2, 3]) };
}

const gradientAt = (g: GraphBuilder, value: string): number[] =>
  [...evaluate(g, [differentiate(g, value, 'x')], X)[0]!.data].map((v) => v + 0); // no −0

describe('stopGradient', () => {
  it('is the tensor itself, of its type and shape', () => {
    const { g, x } = graph();
    const stopped = ops(g).stopGradient(x);
    expect(g.known(stopped)).toEqual(g.known(x));
    expect(evaluate(g, [stopped], X)[0]!.data).toEqual(X.x.data);
  });

  it('lets the other factor of a product through, and nothing of its own', () => {
    const { g, x } = graph();
    const { mul, stopGradient } = ops(g);
    expect(gradientAt(g, mul(x, stopGradient(mul(x, x))))).toEqual([4, 1, 0, 1, 4, 9]); // x²; not 3x²
  });

  it('adds no node to the derivative, whatever lies before it, a rule or none', () => {
    const { g, x } = graph();
    const { mul, stopGradient } = ops(g);
    const odd = g.annotate(g.op('NoSuchOperator', [x]), 'float32', [2, 3]);
    const value = mul(x, stopGradient(odd));
    const before = g.nodes.length;
    differentiate(g, value, x);
    expect(gradientPath(g.nodes.slice(0, before), value, x).map(({ opType }) => opType)).toEqual(['Mul']);
    expect(g.nodes.slice(before).flatMap(({ input }) => input)).not.toContain(odd);
  });

  it('stops where the value comes through it alone: that is an error, as of any value that does not depend on x', () => {
    const { g, x } = graph();
    const { exp, stopGradient } = ops(g);
    expect(() => differentiate(g, exp(stopGradient(x)), x)).toThrow(/does not depend on "x"/);
  });

  it('does not stop an Identity', () => {
    const { g, x } = graph();
    expect(gradientAt(g, ops(g).mul(x, g.op('Identity', [x])))).toEqual([-4, -2, 0, 2, 4, 6]);
  });

  it('is itself again after writing and reading', () => {
    const { g, x } = graph();
    const stopped = ops(g).stopGradient(g.op('Identity', [x]));
    g.output(stopped, 'float32', [2, 3]);
    const read = fromBinary(ModelProtoSchema, g.build()).graph!.node;
    expect(read.map(stopsGradient)).toEqual([false, true]);
  });

  it('goes along when nodes are copied into another graph', () => {
    const { g, x } = graph();
    const { mul, stopGradient } = ops(g);
    const value = mul(x, stopGradient(x));
    const other = new GraphBuilder('other');
    other.input('x', 'float32', [2, 3]);
    for (const node of g.nodes) other.append(node);
    expect(gradientAt(other, value)).toEqual([-2, -1, 0, 1, 2, 3]);
  });

  it.each(OPSETS)('is what onnxruntime makes of it, operator set %d', async (opset) => {
    const { g, x } = graph(opset);
    const { mul, stopGradient } = ops(g);
    const value = mul(x, stopGradient(mul(x, x)));
    const [y, slope] = await runInOnnxruntime(g, X, [value, differentiate(g, value, x)]);
    expect([...y!].map((v) => v + 0)).toEqual([-8, -1, 0, 1, 8, 27]);
    expect([...slope!]).toEqual([4, 1, 0, 1, 4, 9]);
  });
});
