import { erf } from './erf.js';
import { float, text, type Kernel } from './kernel.js';
import { sameType, tabulate, at, broadcastShape } from '../value.js';
import type { NodeProto } from '../../../src/onnx/proto/onnx_pb.js';

const unary =
  (f: (x: number, node: NodeProto) => number): Kernel =>
  ([x], node) => [{ ...x!, data: x!.data.map((v) => f(v, node)) }];

const gelu = (x: number): number => 0.5 * x * (1 + erf(x / Math.SQRT2));
const tanhGelu = (x: number): number => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

/** Fused forms of onnxruntime: f(x + bias), the bias being optional and along the last axis. */
const biased =
  (f: (x: number) => number): Kernel =>
  ([x, bias]) => [
    bias === undefined
      ? { ...x!, data: x!.data.map(f) }
      : tabulate(sameType(x!, bias), broadcastShape(x!.shape, bias.shape), (i) => f(at(x!, i) + at(bias, i))),
  ];

export const activations: Readonly<Record<string, Kernel>> = {
  Relu: unary((x) => Math.max(x, 0)),
  Sigmoid: unary(sigmoid),
  LeakyRelu: unary((x, node) => (x < 0 ? float(node, 'alpha', 0.01) * x : x)),
  Elu: unary((x, node) => (x < 0 ? float(node, 'alpha', 1) * Math.expm1(x) : x)),
  Selu: unary((x, node) => {
    const gamma = float(node, 'gamma', 1.05070102214813232421875);
    return gamma * (x > 0 ? x : float(node, 'alpha', 1.67326319217681884765625) * Math.expm1(x));
  }),
  HardSigmoid: unary((x, node) => Math.max(0, Math.min(1, float(node, 'alpha', 0.2) * x + float(node, 'beta', 0.5)))),
  HardSwish: unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5))),
  Softplus: unary(softplus),
  Mish: unary((x) => x * Math.tanh(softplus(x))),
  Softsign: unary((x) => x / (1 + Math.abs(x))),
  Gelu: unary((x, node) => (text(node, 'approximate', 'none') === 'tanh' ? tanhGelu : gelu)(x)),
};

export const fusedActivations: Readonly<Record<string, Kernel>> = {
  Gelu: unary(gelu),
  BiasGelu: biased(gelu),
  FastGelu: biased(tanhGelu),
  QuickGelu: unary((x, node) => x * sigmoid(float(node, 'alpha', 1.702) * x)),
};
