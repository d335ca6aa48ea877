/** Operators that change the element type. */
import { intAttribute } from '../attributes.js';
import { elementType } from '../tensor.js';
import { sameAsInput } from './pointwise.js';
import { castTo, isFloating, unsupported, upstream, type Backward, type Rule } from './rule.js';

/** The cotangent in the input's own type. Integers and booleans are constant between their steps: nothing flows back through them. */
function castCotangents(b: Backward): (string | undefined)[] {
  const [from, to] = [b.g.known(b.node.input[0]!).type, b.g.known(b.node.output[0]!).type];
  return [isFloating(from) && isFloating(to) ? castTo(b.g, upstream(b), from) : undefined, undefined];
}

export const conversion = {
  Cast: {
    infer: (node, g) => [{ type: elementType(intAttribute(node, 'to', 1)), shape: g.known(node.input[0]!).shape }],
    vjp: castCotangents,
  },
  /** To the type of its second operand. */
  CastLike: {
    infer: (node, g) => [{ type: g.known(node.input[1]!).type, shape: g.known(node.input[0]!).shape }],
    vjp: castCotangents,
  },
} satisfies Record<string, Rule>;

/** Quantised weights: forward-only, and where a derivative is asked for that is an error instead of a silent 0. */
export const quantized = {
  DequantizeLinear: {
    infer: (node, g) => [{ type: g.known(node.input[1]!).type, shape: sameAsInput(node, g)[0]!.shape }],
    vjp: ({ g, node }) =>
      unsupported(
        g,
        node,
        'what it reads is quantised, and depends on the target layer; quantised data have no derivative',
      ),
  },
} satisfies Record<string, Rule>;
