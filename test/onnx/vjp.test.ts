/** Every derivative rule against finite differences in float64, and the graph that ships against the graph that was checked. */
import { describe, expect, it } from 'vitest';
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
import { FORWARD_ONLY } from './forward-only.js';
import { checkAgainstFiniteDifferences, checkInOnnxruntime } from './vjp-check.js';

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

const keys = [...RULES.keys()];

describe('the rule table', () => {
  it('has a finite-difference case for every rule that is not declared forward-only', () => {
    const covered = new Set([...CASES.map((c) => c.rule), ...FORWARD_ONLY]);
    expect(keys.filter((key) => !covered.has(key))).toEqual([]);
    expect([...covered].filter((key) => !RULES.has(key))).toEqual([]);
  });
});

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
