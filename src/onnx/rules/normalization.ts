/** Normalisation over the last axis as one node. */
import { floatAttribute, intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { normalAxis } from '../shape.js';
import { like, unbroadcast, unsupported, upstream, withAxes, type Backward, type Emitter, type Rule } from './rule.js';

const mean = (g: Emitter, tensor: string): string => withAxes(g, 'ReduceMean', tensor, [-1], { keepdims: 1 });

function assertLastAxis(node: NodeProto, g: Emitter): void {
  const rank = g.known(node.input[0]!).shape.length;
  const axis = normalAxis(intAttribute(node, 'axis', -1), rank);
  if (axis !== rank - 1) unsupported(g, node, `normalises axis ${axis} of ${rank}; only the last axis has a rule`);
}

/** x̂ = (x − μ)/σ and 1/σ, with σ² = var(x) + ε. */
function standardised(b: Backward): { xHat: string; inverse: string } {
  const { g, node } = b;
  const centred = g.op('Sub', [node.input[0]!, mean(g, node.input[0]!)]);
  const variance = mean(g, g.op('Mul', [centred, centred]));
  const epsilon = like(g, variance, floatAttribute(node, 'epsilon', 1e-5));
  const inverse = g.op('Reciprocal', [g.op('Sqrt', [g.op('Add', [variance, epsilon])])]);
  return { xHat: g.op('Mul', [centred, inverse]), inverse };
}

export const normalization = {
  /** y = x̂·γ + β. With g = ȳ·γ: x̄ = (g − mean(g) − x̂·mean(g·x̂))/σ. */
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
      if (b.cotangents.slice(1).some((cotangent) => cotangent !== undefined))
        unsupported(g, node, 'its mean and inverse deviation have no rule');
      const { xHat, inverse } = standardised(b);
      const scaled = g.op('Mul', [upstream(b), node.input[1]!]);
      const along = g.op('Mul', [xHat, mean(g, g.op('Mul', [scaled, xHat]))]);
      const centred = g.op('Sub', [g.op('Sub', [scaled, mean(g, scaled)]), along]);
      return [
        b.needs(0) ? g.op('Mul', [centred, inverse]) : undefined,
        b.needs(1) ? unbroadcast(g, g.op('Mul', [upstream(b), xHat]), node.input[1]!) : undefined,
        b.needs(2) ? unbroadcast(g, upstream(b), node.input[2]!) : undefined,
      ];
    },
  },
} satisfies Record<string, Rule>;
