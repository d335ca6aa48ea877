/** Every derivative rule, as the reference interpreter evaluates it, against TensorFlow.js' automatic differentiation of the forward graph. */
import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { NodeProtoSchema } from '../../src/onnx/proto/onnx_pb.js';
import type { Emitter, Rule } from '../../src/onnx/rules/rule.js';
import { RULES } from '../../src/onnx/rules/table.js';
import { OPSETS, type Case } from '../onnx/cases/case.js';
import { interpret } from '../onnx/interpreter.js';
import { caseGraph, drawFeed, relativeError } from '../onnx/vjp-check.js';
import { allCases } from './all-cases.js';
import { float32Feeds, tfjsGraph } from './from-builder.js';

const [FORWARD, GRADIENT] = [1e-5, 1e-4];

/** Rules that give no input a cotangent, whatever is asked: comparisons, logic, shapes as data. */
function isForwardOnly(rule: Rule): boolean {
  const node = create(NodeProtoSchema, { input: ['a', 'b'], output: ['y'] });
  try {
    return rule.vjp({ g: {} as Emitter, node, cotangents: ['y'], needs: () => true }).every((c) => c === undefined);
  } catch {
    return false; // It wrote into the graph that there is not.
  }
}

const CASES = await allCases();
const keys = [...RULES.keys()].filter((key) => !key.startsWith('ai.onnx:'));
const rules = [...new Set(CASES.map(({ rule }) => rule))];

async function check(c: Case): Promise<void> {
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
        const at = `operator set ${opset}, operand ${i}`;
        const [y, dy] = [expected.get(rule.y)!, expected.get(rule.gradients[i]!)!];
        expect(outputs[rule.y]!.shape, at).toEqual(y.shape);
        expect(gradient.shape, at).toEqual(dy.shape);
        const [forward, backward] = [outputs[rule.y]!.data, gradient.data] as Float32Array[];
        expect(relativeError(forward!, y.data), `${at}, result`).toBeLessThan(c.float32Tolerance ?? FORWARD);
        expect(relativeError(backward!, dy.data), at).toBeLessThan(c.float32Tolerance ?? GRADIENT);
      }
    } finally {
      graph.dispose();
    }
  }
}

describe('the rule table', () => {
  it('has a case here for every rule that is not forward-only', () => {
    expect(keys.filter((key) => !isForwardOnly(RULES.get(key)!) && !rules.includes(key))).toEqual([]);
  });
});

describe.each(rules)('%s', (rule) => {
  it.each(CASES.filter((c) => c.rule === rule).map((c) => [c.label, c] as const))('%s', (_, c) => check(c));
});
