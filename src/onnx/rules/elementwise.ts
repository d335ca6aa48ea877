/** Operators that act on each element alone, with NumPy broadcasting between two operands. */
import { flagValue, integers, scalarValue } from '../tensor.js';
import { binary, gaussian, inferBroadcast, sameAsInput, unary } from './pointwise.js';
import { like, unbroadcast, unsupported, upstream, type Backward, type Emitter, type Rule } from './rule.js';

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
    infer: inferBroadcast,
    vjp: (b) => {
      if (b.needs(1)) unsupported(b.g, b.node, 'the exponent must be a constant');
      return [unbroadcast(b.g, power(b, b.node.input[0]!), b.node.input[0]!), undefined];
    },
  },
  Neg: { infer: sameAsInput, vjp: (b) => [negated(b.g, upstream(b))] },
  Identity: { infer: sameAsInput, vjp: (b) => [upstream(b)] },
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
  Sqrt: { infer: sameAsInput, vjp: (b) => [b.g.op('Div', [upstream(b), twice(b.g, b.node.output[0]!)])] },
  Reciprocal: unary((g, _, y) => negated(g, g.op('Mul', [y, y]))),
  Exp: unary((_g, _x, y) => y),
  Log: { infer: sameAsInput, vjp: (b) => [b.g.op('Div', [upstream(b), b.node.input[0]!])] },
  Erf: unary((g, x) => g.op('Mul', [gaussian(g, x), like(g, x, 2 / Math.sqrt(Math.PI))])),
  Tanh: unary((g, _, y) => g.op('Sub', [like(g, y, 1), g.op('Mul', [y, y])])),
  Sigmoid: unary((g, _, y) => g.op('Mul', [y, g.op('Sub', [like(g, y, 1), y])])),
  Abs: unary((g, x) => g.op('Sign', [x])),
  Sin: unary((g, x) => g.op('Cos', [x])),
  Cos: unary((g, x) => negated(g, g.op('Sin', [x]))),
  /** Of any number of operands. */
  Sum: {
    infer: inferBroadcast,
    vjp: (b) => b.node.input.map((name, i) => (b.needs(i) ? unbroadcast(b.g, upstream(b), name) : undefined)),
  },
} satisfies Record<string, Rule>;

const twice = (g: Emitter, y: string): string => g.op('Mul', [y, like(g, y, 2)]);
