import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';

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
});
