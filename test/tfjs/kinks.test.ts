/** Where a function has no derivative the engines still have to agree on one, since encoders do produce exact zeros. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { differentiate } from '../../src/onnx/differentiate.js';
import { float32 } from '../../src/runtime/session.js';
import { evaluate } from '../onnx/interpreter.js';
import { tfjsGraph } from './from-builder.js';

type Write = (g: GraphBuilder, x: string) => string;
const unary =
  (op: string, attributes: Parameters<GraphBuilder['op']>[2] = {}): Write =>
  (g, x) =>
    g.op(op, [x], attributes);

const KINKS: readonly (readonly [string, readonly number[], Write])[] = [
  ['Relu at 0', [0, -0], unary('Relu')],
  ['LeakyRelu at 0', [0], unary('LeakyRelu')],
  ['Elu at 0', [0], unary('Elu', { alpha: { float: 0.5 } })],
  ['Selu at 0', [0], unary('Selu')],
  ['Abs at 0', [0], unary('Abs')],
  ['Softsign at 0', [0], unary('Softsign')],
  ['HardSigmoid at its ends', [2.5, -2.5], unary('HardSigmoid')],
  ['HardSwish at its ends', [3, -3], unary('HardSwish')],
  ['Clip at its bounds', [-1, 1], (g, x) => g.op('Clip', [x, g.scalar(-1), g.scalar(1)])],
  ['Max of equals', [2, 3], (g, x) => g.op('Max', [x, g.scalar(2)])],
  ['Min of equals', [2, 3], (g, x) => g.op('Min', [g.scalar(2), x])],
  ['Max of a tensor and itself', [2], (g, x) => g.op('Max', [x, x])],
  ['ReduceL1 with zeros', [0, 1], unary('ReduceL1')],
  ['ReduceL2 of zeros', [0, 0], unary('ReduceL2')],
  ['x² at 0', [0], (g, x) => g.op('Pow', [x, g.scalar(2)])],
];

async function derivatives(values: readonly number[], write: Write): Promise<{ rule: number[]; tfjs: number[] }> {
  const g = new GraphBuilder('kink', 17);
  const shape = [values.length];
  const x = g.input('x', 'float32', shape);
  const y = write(g, x);
  const graph = await tfjsGraph(g);
  const { gradient } = await graph.gradient({ x: float32(Float32Array.from(values), shape) }, y, x, []);
  graph.dispose();
  const feed = { x: { type: 'float32', shape, data: Float64Array.from(values) } } as const;
  return { rule: [...evaluate(g, [differentiate(g, y, x)], feed)[0]!.data], tfjs: [...gradient.data].map(Number) };
}

describe('kinks', () => {
  it.each(KINKS)('%s', async (_, values, write) => {
    const { rule, tfjs } = await derivatives(values, write);
    tfjs.forEach((value, i) => {
      expect(value).toBeCloseTo(rule[i]!, 6);
    });
  });

  /** The one difference: PyTorch's amax and our rule let equal maxima share, TensorFlow.js gives each of them all. */
  it('ReduceMax of equals', async () => {
    const { rule, tfjs } = await derivatives([2, 2, 1], unary('ReduceMax'));
    expect(rule).toEqual([0.5, 0.5, 0]);
    expect(tfjs).toEqual([1, 1, 0]);
  });
});
