/** Shapes as data: nothing is differentiable about them, but derivatives are written with them, and shapes are inferred through them. */
import { intAttribute, tensorAttribute } from '../attributes.js';
import { integers, elementType } from '../tensor.js';
import { flat, inferBroadcast } from './pointwise.js';
import { unsupported, type Rule } from './rule.js';

export const shapeData = {
  Shape: flat((node, g) => {
    const { length } = g.known(node.input[0]!).shape;
    const dims = Array.from({ length }).slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', length));
    return [{ type: 'int64', shape: [dims.length] }];
  }),
  Size: flat(() => [{ type: 'int64', shape: [] }]),
  ConstantOfShape: flat((node, g) => {
    const value = tensorAttribute(node, 'value');
    const shape = g.shapeValue(node.input[0]!);
    return shape && [{ type: value === undefined ? 'float32' : elementType(value.dataType), shape }];
  }),
  /** Places from the end, as exporters write `unflatten(-1, …)`. */
  Mod: {
    infer: inferBroadcast,
    vjp: ({ g, node }) => unsupported(g, node, 'it is known for sizes and positions only'),
  },
  Range: {
    /** Counting from 0 by 1, as many as the limit says. */
    infer: (node, g) => {
      const { type } = g.known(node.input[0]!);
      const [start, step] = [node.input[0]!, node.input[2]!].map((name) => {
        const constant = g.constantTensor(name);
        return constant && integers(constant)?.[0];
      });
      const limit = start === 0 && step === 1 ? g.shapeValue(node.input[1]!) : undefined;
      return limit?.length === 1 ? [{ type, shape: limit }] : undefined;
    },
    vjp: ({ g, node }) => unsupported(g, node, 'its bounds depend on the target layer'),
  },
} satisfies Record<string, Rule>;
