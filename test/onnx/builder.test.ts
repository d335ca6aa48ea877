import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { float32, Session } from '../../src/runtime/session.js';

describe('GraphBuilder', () => {
  it('shares equal scalars, by value and type', () => {
    const g = new GraphBuilder('g');
    expect(g.scalar(1)).toBe(g.scalar(1));
    expect(g.scalar(1)).not.toBe(g.scalar(1, 'float64'));
    expect(g.scalar(1)).not.toBe(g.scalar(2));
  });

  it('makes names that are its own', () => {
    const [a, b] = [new GraphBuilder('a'), new GraphBuilder('b')];
    const made = [a.fresh('x'), a.fresh('x'), b.fresh('x'), a.scalar(1), a.integers([1]), a.integers([1])];
    expect(new Set(made).size).toBe(made.length);
  });

  /** Exporters write the standard domain out on some nodes and not on others. */
  it.each([
    ['', 'ai.onnx'],
    ['ai.onnx', ''],
    ['ai.onnx', 'ai.onnx'],
  ])('gives "%s" and "%s", two names of one domain, the same operator set', async (first, second) => {
    const g = new GraphBuilder('domains', 17);
    const weight = g.constant({ type: 'float32', data: Float32Array.of(1, 1, 1), shape: [3] });
    const square = g.op('Exp', [g.input('x', 'float32', [2, 3])], {}, { domain: first });
    const normal = g.op('LayerNormalization', [square, weight], {}, { domain: second });
    g.output(g.op('ReduceSum', [normal, g.integers([1])], { keepdims: 0 }, { domain: second }), 'float32', [2], 'y');
    const session = await Session.load(g.build(), 'domains', { threads: 1 });
    const { y } = await session.run({ x: float32(Float32Array.of(0, 1, 2, 3, 4, 5), [2, 3]) }, ['y']);
    for (const total of y.data) expect(Number(total)).toBeCloseTo(0, 5);
    await session.release();
  });
});
