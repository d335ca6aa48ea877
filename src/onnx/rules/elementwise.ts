/** Operators that act on each element alone, with NumPy broadcasting between two operands. */
import { intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { broadcast } from '../shape.js';
import { elementType, flagValue, integers, scalarValue } from '../tensor.js';
import {
  isFloating,
  like,
  unbroadcast,
  unsupported,
  upstream,
  type Backward,
  type Emitter,
  type Rule,
  type TensorInfo,
} from './rule.js';

function inferUnary(node: NodeProto, g: Emitter): TensorInfo[] {
  return [g.known(node.input[0]!)];
}

function inferBinary(node: NodeProto, g: Emitter): TensorInfo[] {
  const [a, b] = [g.known(node.input[0]!), g.known(node.input[1]!)];
  return [{ type: a.type, shape: broadcast(a.shape, b.shape) }];
}

/** y = f(x): the cotangent is that of y times f′, which `derivative` writes from x and y. */
function unary(derivative: (g: Emitter, x: string, y: string) => string): Rule {
  return {
    infer: inferUnary,
    vjp: (b) => [b.g.op('Mul', [upstream(b), derivative(b.g, b.node.input[0]!, b.node.output[0]!)])],
  };
}

/** y = f(a, b): each operand's cotangent before it is summed back over the axes along which the operand was repeated. */
function binary(partials: readonly [Partial, Partial]): Rule {
  return {
    infer: inferBinary,
    vjp: (b) =>
      partials.map((partial, i) =>
        b.needs(i) ? unbroadcast(b.g, partial(b, b.node.input[0]!, b.node.input[1]!), b.node.input[i]!) : undefined,
      ),
  };
}

type Partial = (b: Backward, x: string, y: string) => string;

const negated = (g: Emitter, x: string): string => g.op('Neg', [x]);

function power(b: Backward, x: string): string {
  const exponent = constantExponent(b) ?? unsupported(b.g, b.node, 'only one constant exponent has a derivative rule');
  const { g } = b;
  // x² and x³ are what encoders use; a product is exact at x ≤ 0, where Pow of a negative base may not be.
  const lower = exponent === 2 ? x : exponent === 3 ? g.op('Mul', [x, x]) : g.op('Pow', [x, like(g, x, exponent - 1)]);
  return g.op('Mul', [upstream(b), g.op('Mul', [lower, like(g, x, exponent)])]);
}

function constantExponent(b: Backward): number | undefined {
  const constant = b.g.constantTensor(b.node.input[1]!);
  if (constant === undefined) return undefined;
  const [whole, ...more] = integers(constant) ?? [];
  return scalarValue(constant) ?? (more.length === 0 ? whole : undefined);
}

export const elementwise = {
  Add: binary([upstream, upstream]),
  Sub: binary([upstream, (b) => negated(b.g, upstream(b))]),
  Mul: binary([(b, _, y) => b.g.op('Mul', [upstream(b), y]), (b, x) => b.g.op('Mul', [upstream(b), x])]),
  Div: binary([
    (b, _, y) => b.g.op('Div', [upstream(b), y]),
    (b, _, y) => negated(b.g, b.g.op('Mul', [upstream(b), b.g.op('Div', [b.node.output[0]!, y])])),
  ]),
  Pow: {
    infer: (node, g) => [{ ...inferBinary(node, g)[0]!, type: g.known(node.input[0]!).type }],
    vjp: (b) => {
      if (b.needs(1)) unsupported(b.g, b.node, 'the exponent must be a constant');
      return [unbroadcast(b.g, power(b, b.node.input[0]!), b.node.input[0]!), undefined];
    },
  },
  Neg: { infer: inferUnary, vjp: (b) => [negated(b.g, upstream(b))] },
  Identity: { infer: inferUnary, vjp: (b) => [upstream(b)] },
  /** As encoders are exported: dropping nothing. */
  Dropout: {
    infer: (node, g) => {
      const x = g.known(node.input[0]!);
      return [x, { type: 'bool' as const, shape: x.shape }];
    },
    vjp: (b) => {
      const training = b.node.input[2] ?? '';
      const flag = training === '' ? false : flagValue(b.g.constantTensor(training));
      if (flag !== false) unsupported(b.g, b.node, 'drops at random: it was exported in training mode');
      return [upstream(b), undefined, undefined];
    },
  },
  Sqrt: { infer: inferUnary, vjp: (b) => [b.g.op('Div', [upstream(b), twice(b.g, b.node.output[0]!)])] },
  Reciprocal: unary((g, _, y) => negated(g, g.op('Mul', [y, y]))),
  Exp: unary((_g, _x, y) => y),
  Log: { infer: inferUnary, vjp: (b) => [b.g.op('Div', [upstream(b), b.node.input[0]!])] },
  Erf: unary((g, x) =>
    g.op('Mul', [g.op('Exp', [negated(g, g.op('Mul', [x, x]))]), like(g, x, 2 / Math.sqrt(Math.PI))]),
  ),
  Tanh: unary((g, _, y) => g.op('Sub', [like(g, y, 1), g.op('Mul', [y, y])])),
  Sigmoid: unary((g, _, y) => g.op('Mul', [y, g.op('Sub', [like(g, y, 1), y])])),
  Relu: unary((g, x) => floatMask(g, g.op('Greater', [x, like(g, x, 0)]), x)),
  Cast: {
    infer: (node, g) => [{ type: elementType(intAttribute(node, 'to', 1)), shape: g.known(node.input[0]!).shape }],
    vjp: (b) => {
      const [from, to] = [b.g.known(b.node.input[0]!).type, b.g.known(b.node.output[0]!).type];
      // Integers and booleans are constant between their steps: nothing flows back through them.
      if (!isFloating(from) || !isFloating(to)) return [undefined];
      return [b.g.op('Cast', [upstream(b)], { to: from === 'float64' ? 11 : 1 })];
    },
  },
} satisfies Record<string, Rule>;

const twice = (g: Emitter, y: string): string => g.op('Mul', [y, like(g, y, 2)]);

/** A comparison's result as 0 or 1 of the type of `x`. */
function floatMask(g: Emitter, comparison: string, x: string): string {
  return g.op('Cast', [comparison], { to: g.known(x).type === 'float64' ? 11 : 1 });
}

/** Forward-only: comparisons have no derivative, and nothing flows back through them. */
export const comparison = {
  Greater: {
    infer: (node, g) => [{ type: 'bool' as const, shape: inferBinary(node, g)[0]!.shape }],
    vjp: () => [undefined, undefined],
  },
} satisfies Record<string, Rule>;
