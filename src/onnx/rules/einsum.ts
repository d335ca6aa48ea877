/** Sums of products over named axes. */
import { stringAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import type { Dim } from '../shape.js';
import { unsupported, upstream, withAxes, type Backward, type Emitter, type Rule } from './rule.js';

interface Equation {
  /** The letters of each operand's axes. */
  readonly operands: readonly string[];
  readonly result: string;
}

/** Undefined for forms without a rule: an ellipsis, or one letter twice within an operand (a diagonal). */
function equation(node: NodeProto): Equation | undefined {
  const text = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right] = text.split('->') as [string, string?];
  const operands = left.split(',');
  const letters = Array.from(left.replaceAll(',', ''));
  // Without an arrow: the letters that occur once, in alphabetical order.
  const result =
    right ??
    letters
      .filter((a) => letters.filter((b) => a === b).length === 1)
      .sort()
      .join('');
  const odd = text.includes('.') || [...operands, result].some((part) => new Set(part).size !== part.length);
  return odd ? undefined : { operands, result };
}

/** The size behind each letter; undefined where operands disagree, which onnxruntime takes for broadcasting. */
function sizes({ operands }: Equation, node: NodeProto, g: Emitter): ReadonlyMap<string, Dim> | undefined {
  const found = new Map<string, Dim>();
  for (const [i, letters] of operands.entries()) {
    const { shape } = g.known(node.input[i]!);
    if (shape.length !== letters.length) return undefined;
    for (const [axis, letter] of Array.from(letters).entries()) {
      const known = found.get(letter) ?? shape[axis]!;
      if (known !== shape[axis]) return undefined;
      found.set(letter, known);
    }
  }
  return found;
}

/**
 * For y = Σ a·b…, ā = Σ ȳ·b… with the letters of a as result. A letter that only a has was summed over: every element along it gets the
 * same.
 */
function cotangent(b: Backward, { operands, result }: Equation, i: number): string {
  const { g, node } = b;
  const others = operands.flatMap((letters, k) => (k === i ? [] : [{ letters, name: node.input[k]! }]));
  const terms = [{ letters: result, name: upstream(b) }, ...others];
  const own = Array.from(operands[i]!);
  const shared = own.filter((letter) => terms.some(({ letters }) => letters.includes(letter)));
  const written = `${terms.map(({ letters }) => letters).join(',')}->${shared.join('')}`;
  const summed = g.op('Einsum', terms.map(({ name }) => name), { equation: written }); // prettier-ignore
  const missing = own.flatMap((letter, axis) => (shared.includes(letter) ? [] : [axis]));
  if (missing.length === 0) return summed;
  return g.op('Expand', [withAxes(g, 'Unsqueeze', summed, missing), g.op('Shape', [node.input[i]!])]);
}

export const einsum = {
  Einsum: {
    infer: (node, g) => {
      const form = equation(node);
      const known = form && sizes(form, node, g);
      if (form === undefined || known === undefined) return undefined;
      const shape = Array.from(form.result, (letter) => known.get(letter)!);
      return [{ type: g.known(node.input[0]!).type, shape }];
    },
    vjp: (b) => {
      const { g, node } = b;
      const form = equation(node) ?? unsupported(g, node, 'an ellipsis, or a letter twice in one operand, has no rule');
      if (sizes(form, node, g) === undefined) unsupported(g, node, 'its operands broadcast against each other');
      return node.input.map((_, i) => (b.needs(i) ? cotangent(b, form, i) : undefined));
    },
  },
} satisfies Record<string, Rule>;
