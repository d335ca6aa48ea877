/** What rules of operators that act on each element alone have in common. */
import type { NodeProto } from '../proto/onnx_pb.js';
import { broadcast, type Shape } from '../shape.js';
import { unbroadcast, upstream, type Backward, type Emitter, type Rule, type TensorInfo } from './rule.js';

export const sameAsInput = (node: NodeProto, g: Emitter): TensorInfo[] => [g.known(node.input[0]!)];

/** The first operand's type, and the shape that all operands broadcast to. */
export function inferBroadcast(node: NodeProto, g: Emitter): [TensorInfo] {
  const operands = node.input.map((name) => g.known(name));
  return [{ type: operands[0]!.type, shape: operands.map(({ shape }) => shape).reduce<Shape>(broadcast, []) }];
}

/** y = f(x): the cotangent is that of y times f′, which `derivative` writes from x and y. */
export function unary(derivative: (g: Emitter, x: string, y: string, node: NodeProto) => string): Rule {
  return {
    infer: sameAsInput,
    vjp: (b) => [b.g.op('Mul', [upstream(b), derivative(b.g, b.node.input[0]!, b.node.output[0]!, b.node)])],
  };
}

export type Partial = (b: Backward, x: string, y: string) => string;

/** y = f(a, b): each operand's cotangent before it is summed back over the axes along which the operand was repeated. */
export function binary(partials: readonly [Partial, Partial]): Rule {
  return {
    infer: inferBroadcast,
    vjp: (b) =>
      partials.map((partial, i) =>
        b.needs(i) ? unbroadcast(b.g, partial(b, b.node.input[0]!, b.node.input[1]!), b.node.input[i]!) : undefined,
      ),
  };
}

/** Forward-only: nothing flows back. */
export const flat = (infer: Rule['infer']): Rule => ({ infer, vjp: ({ node }) => node.input.map(() => undefined) });
