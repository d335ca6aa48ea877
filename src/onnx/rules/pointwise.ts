/** What rules of operators that act on each element alone have in common. */
import type { NodeProto } from '../proto/onnx_pb.js';
import { broadcast, type Shape } from '../shape.js';
import { like, unbroadcast, upstream, type Backward, type Emitter, type Rule, type TensorInfo } from './rule.js';

export const sameAsInput = (node: NodeProto, g: Emitter): TensorInfo[] => [g.known(node.input[0]!)];

/** The first operand's type, and the shape that all operands broadcast to. */
export function inferBroadcast(node: NodeProto, g: Emitter): [TensorInfo] | undefined {
  const operands = node.input.map((name) => g.known(name));
  const shape = commonShape(operands.map((operand) => operand.shape));
  return shape && [{ type: operands[0]!.type, shape }];
}

/**
 * What shapes broadcast to. A symbol beside another, or beside a number, may be equal to it when it comes to a run: that is not known,
 * and no mistake.
 *
 * @throws {FungiError} MODEL_UNSUPPORTED for numbers that do not broadcast
 */
export function commonShape(shapes: readonly Shape[]): Shape | undefined {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const open = Array.from({ length: rank }, (_, i) => i + 1).some((fromEnd) => {
    const sizes = new Set(shapes.map((shape) => shape.at(-fromEnd) ?? 1));
    sizes.delete(1);
    return sizes.size > 1 && [...sizes].some((size) => typeof size === 'string');
  });
  return open ? undefined : shapes.reduce<Shape>(broadcast, []);
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

/**
 * exp(−z²), and 0 where that is less than e⁻⁶⁰: beside the 1 that it is added to or the numbers near it, that is nothing, but float32's
 * denormal numbers, which exp makes from |z| = 9.3 on, take a CPU tens of cycles each. Half of the derivative of Whisper's GELU was that.
 */
export const gaussian = (g: Emitter, z: string): string => {
  const [exponent, least] = [g.op('Neg', [g.op('Mul', [z, z])]), like(g, z, -60)];
  const power = g.op('Exp', [g.op('Max', [exponent, least])]);
  return g.op('Where', [g.op('Greater', [exponent, least]), power, like(g, z, 0)]);
};
