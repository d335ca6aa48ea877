/** Operators whose every element is one of their operands' elements. Those that are not chosen get no derivative. */
import type { NodeProto } from '../proto/onnx_pb.js';
import { commonShape, inferBroadcast, sameAsInput } from './pointwise.js';
import {
  floatMask,
  given,
  like,
  unbroadcast,
  unsupported,
  upstream,
  type Backward,
  type Emitter,
  type Rule,
  type TensorInfo,
} from './rule.js';

/** Max and Min of any number of operands. Where several are equal each gets its share, as PyTorch's maximum, amax and amin do. */
const extreme: Rule = {
  infer: inferBroadcast,
  vjp: (b) => {
    const { g, node } = b;
    const chosen = node.input.map((x) => floatMask(g, g.op('Equal', [x, node.output[0]!]), node.output[0]!));
    const share = g.op('Div', [upstream(b), chosen.length === 1 ? chosen[0]! : g.op('Sum', chosen)]);
    return node.input.map((x, i) => (b.needs(i) ? unbroadcast(g, g.op('Mul', [share, chosen[i]!]), x) : undefined));
  },
};

function inferWhere(node: NodeProto, g: Emitter): TensorInfo[] | undefined {
  const operands = node.input.map((name) => g.known(name));
  const shape = commonShape(operands.map((operand) => operand.shape));
  return shape && [{ type: operands[1]!.type, shape }];
}

/** ȳ where the condition holds for the first branch, elsewhere for the second: a branch not taken may be NaN and harms nothing. */
function whereCotangents(b: Backward): (string | undefined)[] {
  const { g, node } = b;
  const [condition, whenTrue, whenFalse] = node.input;
  const [yBar, zero] = [upstream(b), like(g, upstream(b), 0)];
  return [
    undefined,
    b.needs(1) ? unbroadcast(g, g.op('Where', [condition!, yBar, zero]), whenTrue!) : undefined,
    b.needs(2) ? unbroadcast(g, g.op('Where', [condition!, zero, yBar]), whenFalse!) : undefined,
  ];
}

export const selection = {
  Max: extreme,
  Min: extreme,
  /** Bounds may be attributes (operator set 6) or inputs. 1 where x came through, its bounds included, as PyTorch's clamp. */
  Clip: {
    infer: sameAsInput,
    vjp: (b) => {
      const { g, node } = b;
      if ([1, 2].some((i) => given(node, i) && b.needs(i)))
        unsupported(g, node, 'its bounds depend on the target layer');
      const [x, y] = [node.input[0]!, node.output[0]!];
      return [g.op('Mul', [upstream(b), floatMask(g, g.op('Equal', [x, y]), x)]), undefined, undefined];
    },
  },
  Where: { infer: inferWhere, vjp: whereCotangents },
} satisfies Record<string, Rule>;
