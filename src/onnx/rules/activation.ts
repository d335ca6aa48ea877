/** Activation functions of one operand other than the Gaussian error linear units. Kinks have the derivative that PyTorch gives them. */
import { floatAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { sameAsInput, unary } from './pointwise.js';
import { floatMask, like, upstream, type Emitter, type Rule } from './rule.js';

const positive = (g: Emitter, x: string): string => g.op('Greater', [x, like(g, x, 0)]);

/** ȳ where x > 0, and ȳ times `slope` elsewhere. */
const oneSided = (slope: (g: Emitter, x: string, y: string, node: NodeProto) => string): Rule =>
  unary((g, x, y, node) => g.op('Where', [positive(g, x), like(g, x, 1), slope(g, x, y, node)]));

/** 1 where |x| < bound, 0 elsewhere: the sloping part of a hard sigmoid is written by its distance from its centre. */
const within = (g: Emitter, x: string, bound: number): string =>
  floatMask(g, g.op('Less', [g.op('Abs', [x]), like(g, x, bound)]), x);

const affine = (g: Emitter, x: string, factor: number, offset: number): string =>
  g.op('Add', [g.op('Mul', [x, like(g, x, factor)]), like(g, x, offset)]);

/** SELU's λ and λα, as the operator's defaults have them. */
const [SELU_ALPHA, SELU_GAMMA] = [1.6732632423543772, 1.0507009873554805];

export const activation = {
  /** 0 at the kink. */
  Relu: unary((g, x) => floatMask(g, positive(g, x), x)),
  LeakyRelu: oneSided((g, x, _, node) => like(g, x, floatAttribute(node, 'alpha', 0.01))),
  /** Of α(eˣ − 1): αeˣ = y + α. */
  Elu: oneSided((g, x, y, node) => g.op('Add', [y, like(g, x, floatAttribute(node, 'alpha', 1))])),
  /** γ where x > 0, else of γα(eˣ − 1): y + γα. */
  Selu: unary((g, x, y, node) => {
    const gamma = floatAttribute(node, 'gamma', SELU_GAMMA);
    const below = g.op('Add', [y, like(g, x, gamma * floatAttribute(node, 'alpha', SELU_ALPHA))]);
    return g.op('Where', [positive(g, x), like(g, x, gamma), below]);
  }),
  /** Of max(0, min(1, αx + β)): α where that is strictly between. */
  HardSigmoid: unary((g, x, y, node) => {
    const centred = affine(g, y, 1, -0.5);
    return g.op('Mul', [within(g, centred, 0.5), like(g, x, floatAttribute(node, 'alpha', 0.2))]);
  }),
  /** Of x·max(0, min(1, x/6 + ½)): x/3 + ½ for |x| < 3, outside 0 or 1. */
  HardSwish: unary((g, x) => {
    const outside = floatMask(g, positive(g, x), x);
    const inside = g.op('Less', [g.op('Abs', [x]), like(g, x, 3)]);
    return g.op('Where', [inside, affine(g, x, 1 / 3, 0.5), outside]);
  }),
  /** σ(x). */
  Softplus: unary((g, x) => g.op('Sigmoid', [x])),
  /** Of x·t with t = tanh(softplus x): t + x·(1 − t²)·σ(x). */
  Mish: unary((g, x) => {
    const t = g.op('Tanh', [g.op('Softplus', [x])]);
    const sech = g.op('Sub', [like(g, x, 1), g.op('Mul', [t, t])]);
    return g.op('Add', [t, g.op('Mul', [g.op('Mul', [x, sech]), g.op('Sigmoid', [x])])]);
  }),
  /** Of x/(1 + |x|): 1/(1 + |x|)². */
  Softsign: {
    infer: sameAsInput,
    vjp: (b) => {
      const { g, node } = b;
      const below = affine(g, g.op('Abs', [node.input[0]!]), 1, 1);
      return [g.op('Div', [upstream(b), g.op('Mul', [below, below])])];
    },
  },
} satisfies Record<string, Rule>;
