import { at, axisOf, product, sameType, tabulate, type Value } from '../value.js';
import { axesOperand, float, int, type Kernel } from './kernel.js';

/** `f` of the elements that fall together when `axes` are removed. */
function reduce(x: Value, axes: readonly number[], keep: boolean, f: (elements: readonly number[]) => number): Value {
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const groups = Array.from({ length: product(kept) }, (): number[] => []);
  const place = tabulate(x.type, x.shape, (index) =>
    index.reduce((offset, i, axis) => offset * kept[axis]! + (axes.includes(axis) ? 0 : i), 0),
  );
  x.data.forEach((value, i) => groups[place.data[i]!]!.push(value));
  const shape = keep ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return { type: x.type, shape, data: Float64Array.from(groups, f) };
}

const sum = (elements: readonly number[]): number => elements.reduce((a, b) => a + b, 0);
const mean = (elements: readonly number[]): number => sum(elements) / elements.length;
const logSumExp = (elements: readonly number[]): number => {
  const max = Math.max(...elements);
  return max + Math.log(sum(elements.map((x) => Math.exp(x - max))));
};

/**
 * ONNX: without axes all are reduced, unless `noop_with_empty_axes` says that none are: then what a reduction does to each element
 * (a square, a logarithm of an exponential) is all that is done.
 */
const reduction =
  (f: (elements: readonly number[]) => number, since: number): Kernel =>
  ([x, input], node, opset) => {
    const rank = x!.shape.length;
    const named = axesOperand(node, input, opset, since) ?? [];
    const none = int(node, 'noop_with_empty_axes', 0) === 1 ? [] : x!.shape.map((_, axis) => axis);
    const axes = named.length === 0 ? none : named.map((axis) => axisOf(axis, rank));
    return [reduce(x!, axes, int(node, 'keepdims', 1) === 1, f)];
  };

/** Along one axis from operator set 13 on; before, over the input flattened to a matrix at `axis`, 1 by default. */
const soft =
  (f: (x: number, logTotal: number) => number): Kernel =>
  ([x], node, opset) => {
    const rank = x!.shape.length;
    const axis = axisOf(int(node, 'axis', opset < 13 ? 1 : -1), rank);
    const axes = opset < 13 ? x!.shape.map((_, i) => i).slice(axis) : [axis];
    const total = reduce(x!, axes, true, logSumExp);
    return [tabulate(x!.type, x!.shape, (index) => f(at(x!, index), at(total, index)))];
  };

/** (x − mean)/√(var + ε)·scale + bias over `axes`; with the mean and the inverse deviation. */
function normalised(
  x: Value,
  scale: Value,
  bias: Value | undefined,
  axes: readonly number[],
  epsilon: number,
): [y: Value, means: Value, inverses: Value] {
  const means = reduce(x, axes, true, mean);
  const inverses = reduce(x, axes, true, (elements) => {
    const center = mean(elements);
    return 1 / Math.sqrt(mean(elements.map((v) => (v - center) ** 2)) + epsilon);
  });
  const y = tabulate(sameType(x, scale, ...(bias ? [bias] : [])), x.shape, (index) => {
    const standard = (at(x, index) - at(means, index)) * at(inverses, index);
    return standard * at(scale, index) + (bias ? at(bias, index) : 0);
  });
  return [y, means, inverses];
}

/** Over the axes from `axis` on. */
const layerNormalization: Kernel = ([x, scale, bias], node) => {
  const axes = x!.shape.map((_, i) => i).slice(axisOf(int(node, 'axis', -1), x!.shape.length));
  return normalised(x!, scale!, bias, axes, float(node, 'epsilon', 1e-5));
};

/** Of s = input + skip + bias over the last axis; s itself is the fourth result. */
const skipLayerNormalization: Kernel = ([input, skip, scale, beta, bias], node) => {
  const s = tabulate(input!.type, input!.shape, (i) => at(input!, i) + at(skip!, i) + (bias ? at(bias, i) : 0));
  return [...normalised(s, scale!, beta, [s.shape.length - 1], float(node, 'epsilon', 1e-12)), s];
};

/** x/√(mean x² + ε)·scale over `axes`; with the inverse of the root. */
function rmsNormalised(x: Value, scale: Value, axes: readonly number[], epsilon: number): [y: Value, inverses: Value] {
  const inverses = reduce(x, axes, true, (elements) => 1 / Math.sqrt(mean(elements.map((v) => v * v)) + epsilon));
  const y = tabulate(sameType(x, scale), x.shape, (i) => at(x, i) * at(inverses, i) * at(scale, i));
  return [y, inverses];
}

const rmsNormalization: Kernel = ([x, scale], node) => {
  const axes = x!.shape.map((_, i) => i).slice(axisOf(int(node, 'axis', -1), x!.shape.length));
  return rmsNormalised(x!, scale!, axes, float(node, 'epsilon', 1e-5));
};

/** Of s = input + skip + bias over the last axis; s itself is the fourth result. */
const skipSimplified: Kernel = ([input, skip, scale, bias], node) => {
  const s = tabulate(input!.type, input!.shape, (i) => at(input!, i) + at(skip!, i) + (bias ? at(bias, i) : 0));
  const [y, inverses] = rmsNormalised(s, scale!, [s.shape.length - 1], float(node, 'epsilon', 1e-12));
  return [y, inverses, inverses, s];
};

export const fusedReductions: Readonly<Record<string, Kernel>> = {
  SkipLayerNormalization: skipLayerNormalization,
  SkipSimplifiedLayerNormalization: skipSimplified,
};

export const reductions: Readonly<Record<string, Kernel>> = {
  ReduceSum: reduction(sum, 13),
  ReduceMean: reduction(mean, 18),
  ReduceLogSumExp: reduction(logSumExp, 18),
  ReduceMax: reduction((elements) => Math.max(...elements), 18),
  ReduceMin: reduction((elements) => Math.min(...elements), 18),
  ReduceL1: reduction((elements) => sum(elements.map(Math.abs)), 18),
  ReduceL2: reduction((elements) => Math.hypot(...elements), 18),
  ReduceSumSquare: reduction((elements) => sum(elements.map((x) => x * x)), 18),
  Softmax: soft((x, total) => Math.exp(x - total)),
  LogSoftmax: soft((x, total) => x - total),
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
};
