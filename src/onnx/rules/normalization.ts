/** Normalisation over the last axis as one node: ONNX LayerNormalization, and with a residual as onnxruntime's optimiser fuses it. */
import { floatAttribute, intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis } from '../shape.js';
import { like, unbroadcast, unsupported, withAxes, type Backward, type Emitter, type Rule } from './rule.js';

const mean = (g: Emitter, tensor: string): string => withAxes(g, 'ReduceMean', tensor, [-1], { keepdims: 1 });

function assertLastAxis(node: NodeProto, g: Emitter): void {
  const rank = g.known(node.input[0]!).shape.length;
  const axis = normalAxis(intAttribute(node, 'axis', -1), rank);
  if (axis !== rank - 1) unsupported(g, node, `normalises axis ${axis} of ${rank}; only the last axis has a rule`);
}

function assertNoStatistics({ g, node, cotangents }: Backward): void {
  if (cotangents[1] !== undefined || cotangents[2] !== undefined)
    unsupported(g, node, 'its mean and inverse deviation have no rule');
}

/** x̂ = (x − μ)/σ and 1/σ, with σ² = var(x) + ε. */
function standardised(g: Emitter, x: string, epsilon: number): { xHat: string; inverse: string } {
  const centred = g.op('Sub', [x, mean(g, x)]);
  const variance = mean(g, g.op('Mul', [centred, centred]));
  const inverse = g.op('Reciprocal', [g.op('Sqrt', [g.op('Add', [variance, like(g, variance, epsilon)])])]);
  return { xHat: g.op('Mul', [centred, inverse]), inverse };
}

/** Of y = x̂·γ + β, where ȳ is y's cotangent. With g = ȳ·γ: x̄ = (g − mean(g) − x̂·mean(g·x̂))/σ; ȳ·x̂ is γ̄ before it is summed. */
function normCotangents(
  g: Emitter,
  yBar: string,
  x: string,
  gamma: string,
  epsilon: number,
): { readonly xBar: () => string; readonly gammaBar: () => string } {
  const { xHat, inverse } = standardised(g, x, epsilon);
  return {
    xBar: () => {
      const scaled = g.op('Mul', [yBar, gamma]);
      const along = g.op('Mul', [xHat, mean(g, g.op('Mul', [scaled, xHat]))]);
      return g.op('Mul', [g.op('Sub', [g.op('Sub', [scaled, mean(g, scaled)]), along]), inverse]);
    },
    gammaBar: () => g.op('Mul', [yBar, xHat]),
  };
}

export const normalization = {
  LayerNormalization: {
    infer: (node, g) => {
      const x = g.known(node.input[0]!);
      const axis = normalAxis(intAttribute(node, 'axis', -1), x.shape.length);
      const statistic = { type: x.type, shape: x.shape.map((dim, i) => (i < axis ? dim : 1)) };
      return [x, statistic, statistic];
    },
    vjp: (b) => {
      const { g, node } = b;
      assertLastAxis(node, g);
      assertNoStatistics(b);
      const [x, gamma, beta] = node.input;
      const yBar = b.cotangents[0]!;
      const { xBar, gammaBar } = normCotangents(g, yBar, x!, gamma!, floatAttribute(node, 'epsilon', 1e-5));
      return [
        b.needs(0) ? xBar() : undefined,
        b.needs(1) ? unbroadcast(g, gammaBar(), gamma!) : undefined,
        b.needs(2) ? unbroadcast(g, yBar, beta!) : undefined,
      ];
    },
  },
} satisfies Record<string, Rule>;

export const fusedNormalization = {
  /** s = input + skip + bias, y = ŝ·γ + β; s itself is the fourth output. Biases may be left out. */
  SkipLayerNormalization: {
    infer: (node, g) => {
      const x = g.known(node.input[0]!);
      const statistic = { type: x.type, shape: x.shape.map((dim, i) => (i < x.shape.length - 1 ? dim : 1)) };
      return [x, statistic, statistic, x];
    },
    vjp: (b) => {
      const { g, node, cotangents } = b;
      assertNoStatistics(b);
      const [input, skip, gamma, beta, bias] = node.input;
      const added = g.op('Add', [input!, skip!]);
      const sum = bias === undefined || bias === '' ? added : g.op('Add', [added, bias]);
      const yBar = cotangents[0];
      const norm =
        yBar === undefined ? undefined : normCotangents(g, yBar, sum, gamma!, floatAttribute(node, 'epsilon', 1e-12));
      const ways = [norm?.xBar(), cotangents[3]].filter((way) => way !== undefined);
      const sumBar = ways.length === 2 ? g.op('Add', ways) : ways[0]!;
      const back = (i: number, cotangent: string | undefined): string | undefined =>
        b.needs(i) && cotangent !== undefined ? unbroadcast(g, cotangent, node.input[i]!) : undefined;
      return [
        back(0, sumBar),
        back(1, sumBar),
        back(2, norm?.gammaBar()),
        beta === undefined ? undefined : back(3, yBar),
        bias === undefined ? undefined : back(4, sumBar),
      ];
    },
  },
} satisfies Record<string, Rule>;
