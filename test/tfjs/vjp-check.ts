/** Compares the derivative that our rules write with TensorFlow.js' automatic differentiation of the forward graph. */
import { expect } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { OPSETS, type Case } from '../onnx/cases/case.js';
import { interpret } from '../onnx/interpreter.js';
import { caseGraph, drawFeed, relativeError } from '../onnx/vjp-check.js';
import { float32Feeds, tfjsGraph } from './from-builder.js';

const [FORWARD, GRADIENT] = [1e-5, 1e-4];

/**
 * The rule's derivative in float64, as the reference interpreter evaluates it, against float32 in TensorFlow.js.
 *
 * @param floor results that cancel to less than this are compared as if they were as large
 */
export async function checkAgainstAutodiff(c: Case, floor = 0): Promise<void> {
  for (const opset of c.opsets ?? OPSETS) {
    const g = new GraphBuilder('case', opset);
    const rule = caseGraph(c, g, 'float32');
    const value = g.op('Mul', [rule.y, rule.functional]);
    const feed = drawFeed(c, rule);
    const expected = interpret(g, [rule.y, ...rule.gradients]).run(feed);
    const graph = await tfjsGraph(g);
    try {
      for (const [i, operand] of rule.operands.entries()) {
        const { outputs, gradient } = await graph.gradient(float32Feeds(feed), value, operand, [rule.y]);
        const at = `${c.label}, operator set ${opset}, operand ${i}`;
        const [y, dy] = [expected.get(rule.y)!, expected.get(rule.gradients[i]!)!];
        expect(outputs[rule.y]!.shape, at).toEqual(y.shape);
        expect(gradient.shape, at).toEqual(dy.shape);
        const [forward, backward] = [outputs[rule.y]!.data, gradient.data] as Float32Array[];
        expect(relativeError(forward!, y.data, floor), `${at}, result`).toBeLessThan(c.float32Tolerance ?? FORWARD);
        expect(relativeError(backward!, dy.data, floor), at).toBeLessThan(c.float32Tolerance ?? GRADIENT);
      }
    } finally {
      graph.dispose();
    }
  }
}
