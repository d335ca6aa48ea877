/** Every derivative rule against finite differences in float64, and the graph that ships against the graph that was checked. */
import { describe, expect, it } from 'vitest';
import { GraphBuilder } from '../../src/onnx/builder.js';
import { RULES } from '../../src/onnx/rules/table.js';
import { activationCases } from './cases/activation.js';
import { OPSETS, type Case } from './cases/case.js';
import { compositeCases } from './cases/composite.js';
import { conversionCases } from './cases/conversion.js';
import { einsumCases } from './cases/einsum.js';
import { elementwiseCases } from './cases/elementwise.js';
import { gatherCases } from './cases/gather.js';
import { geluCases } from './cases/gelu.js';
import { joiningCases } from './cases/joining.js';
import { layoutCases } from './cases/layout.js';
import { matmulCases } from './cases/matmul.js';
import { normalizationCases } from './cases/normalization.js';
import { reductionCases } from './cases/reduction.js';
import { selectionCases } from './cases/selection.js';
import { slicingCases } from './cases/slicing.js';
import { evaluate, interpret, type Feed } from './interpreter.js';
import {
  caseGraph,
  drawFeed,
  finiteDifferences,
  relativeError,
  runInOnnxruntime,
  wrongInferences,
} from './vjp-check.js';

const [FINITE_DIFFERENCES, FORWARD_FLOAT32, GRADIENT_FLOAT32] = [1e-6, 1e-5, 1e-4];

const CASES: readonly Case[] = [
  ...elementwiseCases,
  ...activationCases,
  ...geluCases,
  ...selectionCases,
  ...conversionCases,
  ...einsumCases,
  ...slicingCases,
  ...joiningCases,
  ...gatherCases,
  ...matmulCases,
  ...reductionCases,
  ...layoutCases,
  ...normalizationCases,
];

/** Entries of the table through which nothing flows back: comparisons, whole numbers, and shapes as data. */
const FORWARD_ONLY = new Set(
  [
    ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'And', 'Or', 'Xor', 'IsNaN', 'IsInf'],
    ...['ArgMax', 'ArgMin', 'Sign', 'Floor', 'Ceil', 'Round', 'Shape', 'Size', 'ConstantOfShape', 'Range', 'OneHot'],
    'DequantizeLinear',
  ].map((type) => `:${type}`),
);

const STANDARD = 'ai.onnx:';
const keys = [...RULES.keys()].filter((key) => !key.startsWith(STANDARD));

describe('the rule table', () => {
  it('has a finite-difference case for every rule that is not declared forward-only', () => {
    const covered = new Set([...CASES.map((c) => c.rule), ...FORWARD_ONLY]);
    expect(keys.filter((key) => !covered.has(key))).toEqual([]);
    expect([...covered].filter((key) => !RULES.has(key))).toEqual([]);
  });

  it('takes the standard domain written out for the standard domain', () => {
    const longhand = [...RULES.keys()].filter((key) => key.startsWith(STANDARD));
    expect(longhand).toHaveLength(keys.filter((key) => key.startsWith(':')).length);
    for (const key of longhand) expect(RULES.get(key)).toBe(RULES.get(key.slice(STANDARD.length - 1)));
  });
});

function checkAgainstFiniteDifferences(c: Case): void {
  for (const opset of c.opsets ?? OPSETS) {
    const graph = caseGraph(c, new GraphBuilder('case', opset), 'float64');
    const feed = drawFeed(c, graph);
    const values = interpret(graph.g, [graph.y, ...graph.gradients]).run(feed);
    expect(wrongInferences(c, graph.g, values), `operator set ${opset}`).toEqual([]);
    c.operands.forEach((operand, i) => {
      const at = `operator set ${opset}, operand ${i}`;
      const gradient = values.get(graph.gradients[i]!)!;
      expect(gradient.shape, at).toEqual(feed[graph.operands[i]!]!.shape);
      expect(gradient.type, at).toBe('float64');
      const differences = finiteDifferences(graph, feed, i, operand);
      expect(relativeError(gradient.data, differences), at).toBeLessThan(FINITE_DIFFERENCES);
    });
  }
}

/** All cases in one graph, since loading a graph takes longer than running it. */
async function checkInOnnxruntime(cases: readonly Case[], opset: number): Promise<void> {
  const g = new GraphBuilder('cases', opset);
  const graphs = cases.map((c, i) => caseGraph(c, g, 'float32', `${i}.`));
  const feeds = cases.map((c, i) => drawFeed(c, graphs[i]!));
  const tensors = graphs.flatMap(({ y, gradients }) => [y, ...gradients]);
  const results = await runInOnnxruntime(g, Object.assign({}, ...feeds) as Feed, tensors);
  let at = 0;
  cases.forEach((c, i) => {
    const outputs = [graphs[i]!.y, ...graphs[i]!.gradients];
    evaluate(g, outputs, feeds[i]!).forEach((interpreted, k) => {
      const tolerance = c.float32Tolerance ?? (k === 0 ? FORWARD_FLOAT32 : GRADIENT_FLOAT32);
      const label = `${c.label}, ${k === 0 ? 'result' : `gradient ${k - 1}`}`;
      expect(relativeError(results[at++]!, interpreted.data), label).toBeLessThan(tolerance);
    });
  });
}

function suite(cases: readonly Case[]): void {
  it.each(cases.map((c) => [c.label, c] as const))('%s', (_, c) => {
    checkAgainstFiniteDifferences(c);
  });
  const runs = (c: Case, opset: number): boolean => c.onnxruntime !== false && (c.opsets ?? OPSETS).includes(opset);
  it.each(OPSETS.filter((opset) => cases.some((c) => runs(c, opset))))(
    'is the same in onnxruntime, operator set %d',
    (opset) =>
      checkInOnnxruntime(
        cases.filter((c) => runs(c, opset)),
        opset,
      ),
  );
}

describe.each(keys.filter((key) => !FORWARD_ONLY.has(key)))('%s', (key) => {
  suite(CASES.filter((c) => c.rule === key));
});

describe('graphs of several operators', () => {
  suite(compositeCases);
});
