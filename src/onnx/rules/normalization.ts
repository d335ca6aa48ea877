/**
 * Normalisation over the last axis as one node: the standard LayerNormalization and RMSNormalization, and what onnxruntime's
 * optimiser fuses them to, with or without the residual in front.
 */
import { floatAttribute, intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis } from '../shape.js';
import { like, unbroadcast, unsupported, withAxes } from './rule.js';
import type { Backward, Emitter, Rule, TensorInfo } from './rule.js';

/** 'centred' takes the mean off first (LayerNorm); 'raw' only divides by the root mean square (RMSNorm). */
type Kind = 'centred' | 'raw';

const mean = (g: Emitter, tensor: string): string => withAxes(g, 'ReduceMean', tensor, [-1], { keepdims: 1 });

function assertLastAxis(node: NodeProto, g: Emitter): void {
  const rank = g.known(node.input[0]!).shape.length;
  const axis = normalAxis(intAttribute(node, 'axis', -1), rank);
  if (axis !== rank - 1) unsupported(g, node, `normalises axis ${axis} of ${rank}; only the last axis has a rule`);
}

function assertNoStatistics({ g, node, cotangents }: Backward, outputs: readonly number[]): void {
  if (outputs.some((output) => cotangents[output] !== undefined))
    unsupported(g, node, 'its mean and inverse deviation have no rule');
}

/** x̂ = (x − μ)/σ and 1/σ, with σ² = mean((x − μ)²) + ε; μ is 0 for the raw kind. */
function standardised(g: Emitter, kind: Kind, x: string, epsilon: number): { xHat: string; inverse: string } {
  const centred = kind === 'raw' ? x : g.op('Sub', [x, mean(g, x)]);
  const variance = mean(g, g.op('Mul', [centred, centred]));
  const inverse = g.op('Reciprocal', [g.op('Sqrt', [g.op('Add', [variance, like(g, variance, epsilon)])])]);
  return { xHat: g.op('Mul', [centred, inverse]), inverse };
}

/**
 * Of y = x̂·γ + β, where ȳ is y's cotangent. With g = ȳ·γ: x̄ = (g − mean(g) − x̂·mean(g·x̂))/σ, where the raw kind lacks mean(g);
 * ȳ·x̂ is γ̄ before it is summed.
 */
function normCotangents(
  g: Emitter,
  kind: Kind,
  yBar: string,
  x: string,
  gamma: string,
  epsilon: number,
): { readonly xBar: () => string; readonly gammaBar: () => string } {
  const { xHat, inverse } = standardised(g, kind, x, epsilon);
  return {
    xBar: () => {
      const scaled = g.op('Mul', [yBar, gamma]);
      const along = g.op('Mul', [xHat, mean(g, g.op('Mul', [scaled, xHat]))]);
      const level = kind === 'raw' ? scaled : g.op('Sub', [scaled, mean(g, scaled)]);
      return g.op('Mul', [g.op('Sub', [level, along]), inverse]);
    },
    gammaBar: () => g.op('Mul', [yBar, xHat]),
  };
}

/** What has one value for each run of normalised elements. */
function statistic(x: TensorInfo, axis: number): TensorInfo {
  return { type: x.type, shape: x.shape.map((dim, i) => (i < axis ? dim : 1)) };
}

/** Inputs x, γ and, in LayerNorm, β; output y and `statistics` more. */
function norm(kind: Kind, statistics: readonly number[]): Rule {
  return {
    infer: (node, g) => {
      const x = g.known(node.input[0]!);
      const axis = normalAxis(intAttribute(node, 'axis', -1), x.shape.length);
      return [x, ...statistics.map(() => statistic(x, axis))];
    },
    vjp: (b) => {
      const { g, node } = b;
      assertLastAxis(node, g);
      assertNoStatistics(b, statistics);
      const [x, gamma, beta] = node.input;
      const yBar = b.cotangents[0]!;
      const { xBar, gammaBar } = normCotangents(g, kind, yBar, x!, gamma!, floatAttribute(node, 'epsilon', 1e-5));
      return [
        b.needs(0) ? xBar() : undefined,
        b.needs(1) ? unbroadcast(g, gammaBar(), gamma!) : undefined,
        beta !== undefined && b.needs(2) ? unbroadcast(g, yBar, beta) : undefined,
      ];
    },
  };
}

/**
 * s = input + skip + bias, y = ŝ·γ + β (β in the centred kind only); outputs y, mean, inverse deviation and s itself. Biases may be
 * left out.
 */
function skipNorm(kind: Kind): Rule {
  const [betaAt, biasAt] = kind === 'raw' ? [undefined, 3] : [3, 4];
  return {
    infer: (node, g) => {
      const x = g.known(node.input[0]!);
      const perRow = statistic(x, x.shape.length - 1);
      return [x, perRow, perRow, x];
    },
    vjp: (b) => {
      const { g, node, cotangents } = b;
      assertNoStatistics(b, [1, 2]);
      const [input, skip, gamma] = node.input;
      const bias = node.input[biasAt] ?? '';
      const added = g.op('Add', [input!, skip!]);
      const sum = bias === '' ? added : g.op('Add', [added, bias]);
      const yBar = cotangents[0];
      const epsilon = floatAttribute(node, 'epsilon', 1e-12);
      const back = yBar === undefined ? undefined : normCotangents(g, kind, yBar, sum, gamma!, epsilon);
      const ways = [back?.xBar(), cotangents[3]].filter((way) => way !== undefined);
      const sumBar = ways.length === 2 ? g.op('Add', ways) : ways[0]!;
      const cotangentOf = (i: number): string | undefined => {
        if (i === 2) return back?.gammaBar();
        return i === betaAt ? yBar : sumBar;
      };
      return node.input.map((name, i) => {
        const cotangent = name !== '' && b.needs(i) ? cotangentOf(i) : undefined;
        return cotangent === undefined ? undefined : unbroadcast(g, cotangent, name);
      });
    },
  };
}

export const normalization = {
  LayerNormalization: norm('centred', [1, 2]),
  /** From operator set 23. */
  RMSNormalization: norm('raw', []),
  /** onnxruntime's own, though it writes it in the standard domain: outputs y and the inverse deviation. */
  SimplifiedLayerNormalization: norm('raw', [1]),
} satisfies Record<string, Rule>;

export const fusedNormalization = {
  SkipLayerNormalization: skipNorm('centred'),
  SkipSimplifiedLayerNormalization: skipNorm('raw'),
} satisfies Record<string, Rule>;
