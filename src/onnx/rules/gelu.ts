/** Gaussian error linear units as one node: ONNX Gelu (operator set 20) and the fused forms of onnxruntime's optimiser. */
import { floatAttribute, stringAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { gaussian } from './pointwise.js';
import { like, unbroadcast, upstream, type Backward, type Emitter, type Rule } from './rule.js';

/** d/dx x·Φ(x) = Φ(x) + x·φ(x). */
function exactDerivative(g: Emitter, x: string): string {
  const scaled = g.op('Mul', [x, like(g, x, Math.SQRT1_2)]);
  const cdf = g.op('Mul', [g.op('Add', [g.op('Erf', [scaled]), like(g, x, 1)]), like(g, x, 0.5)]);
  const density = g.op('Mul', [gaussian(g, scaled), like(g, x, 1 / Math.sqrt(2 * Math.PI))]);
  return g.op('Add', [cdf, g.op('Mul', [x, density])]);
}

/** Of ½·x·(1 + tanh u), u = √(2/π)·(x + 0.044715·x³): ½·(1 + t) + ½·x·(1 − t²)·u′. */
function tanhDerivative(g: Emitter, x: string): string {
  const c = Math.sqrt(2 / Math.PI);
  const square = g.op('Mul', [x, x]);
  const inner = g.op('Mul', [x, g.op('Add', [g.op('Mul', [square, like(g, x, 0.044715 * c)]), like(g, x, c)])]);
  const t = g.op('Tanh', [inner]);
  const slope = g.op('Add', [g.op('Mul', [square, like(g, x, 3 * 0.044715 * c)]), like(g, x, c)]);
  const sech = g.op('Sub', [like(g, x, 1), g.op('Mul', [t, t])]);
  const left = g.op('Add', [t, like(g, x, 1)]);
  return g.op('Mul', [g.op('Add', [left, g.op('Mul', [g.op('Mul', [x, sech]), slope])]), like(g, x, 0.5)]);
}

/** Of x·σ(αx), where s = σ(αx): s·(1 + αx·(1 − s)). With α = 1 it is SiLU. */
function sigmoidDerivative(g: Emitter, x: string, alpha: number): string {
  const inner = g.op('Mul', [x, like(g, x, alpha)]);
  const s = g.op('Sigmoid', [inner]);
  const slope = g.op('Mul', [inner, g.op('Sub', [like(g, x, 1), s])]);
  return g.op('Mul', [s, g.op('Add', [slope, like(g, x, 1)])]);
}

const sameAsInput = (node: NodeProto, g: Emitter) => [g.known(node.input[0]!)];

/** Fused forms may take a bias as second input: y = gelu(x + bias). */
function vjp(derivative: (g: Emitter, x: string) => string, b: Backward): (string | undefined)[] {
  const [x, bias] = b.node.input;
  const hasBias = bias !== undefined && bias !== '';
  const argument = hasBias ? b.g.op('Add', [x!, bias]) : x!;
  const cotangent = b.g.op('Mul', [upstream(b), derivative(b.g, argument)]);
  return [cotangent, hasBias && b.needs(1) ? unbroadcast(b.g, cotangent, bias) : undefined];
}

export const gelu = {
  Gelu: {
    infer: sameAsInput,
    vjp: (b) => vjp(stringAttribute(b.node, 'approximate', 'none') === 'tanh' ? tanhDerivative : exactDerivative, b),
  },
} satisfies Record<string, Rule>;

export const fusedGelu = {
  Gelu: { infer: sameAsInput, vjp: (b) => vjp(exactDerivative, b) },
  BiasGelu: { infer: sameAsInput, vjp: (b) => vjp(exactDerivative, b) },
  FastGelu: { infer: sameAsInput, vjp: (b) => vjp(tanhDerivative, b) },
  QuickGelu: {
    infer: sameAsInput,
    vjp: (b) => {
      const alpha = floatAttribute(b.node, 'alpha', 1.702);
      return vjp((g, x) => sigmoidDerivative(g, x, alpha), b);
    },
  },
} satisfies Record<string, Rule>;
