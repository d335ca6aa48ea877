/** Sizes of tensors that a tail does not have, read off one that it has: [B,T,I] starts with the same two. */
import { create } from '@bufbuild/protobuf';
import { attributeProtos, intAttribute } from './attributes.js';
import { GraphBuilder } from './builder.js';
import type { Graph } from './graph.js';
import { NodeProtoSchema, type NodeProto, type TensorProto } from './proto/onnx_pb.js';
import { normalAxis, type Shape } from './shape.js';
import { inlineTensor } from './tensor.js';

/** What computes the same as a Shape node. */
export interface RowSizes {
  readonly nodes: readonly NodeProto[];
  readonly constants: readonly TensorProto[];
}

const [ROWS, TOKENS] = ['rows', 'tokens'];

/**
 * Exporters read batch and tokens off the first input, [B,T], and T5's off the keys of its first block, [B,H,T,D/H].
 *
 * @param start a tensor [B,T,I]
 * @returns of a Shape node what reads the same off `start`; undefined where that cannot be told, or where the node's own input is one row
 *   a token and can be handed over
 */
export function rowSizes(graph: Graph, start: string): (shape: NodeProto) => RowSizes | undefined {
  let inferred: GraphBuilder | undefined;
  return (node) => {
    if (node.opType !== 'Shape') return undefined;
    const [of] = node.input as [string];
    if (graph.isInput(of)) return graph.inputShape(of)?.length === 2 ? written(node, [ROWS, TOKENS], start) : undefined;
    if (!graph.carriesData(of)) return undefined;
    inferred ??= withShapes(graph);
    const shape = inferred.info(of)?.shape;
    const isKnown = shape?.every((dim) => typeof dim === 'number' || dim === ROWS || dim === TOKENS);
    const isPerToken = shape?.length === 3 && shape[0] === ROWS && shape[1] === TOKENS;
    return shape !== undefined && isKnown === true && !isPerToken ? written(node, shape, start) : undefined;
  };
}

/** The graph with what is known of its shapes, where every input of two axes is [B,T]. */
function withShapes(graph: Graph): GraphBuilder {
  const g = new GraphBuilder('shapes');
  for (const name of graph.inputNames) if (graph.inputShape(name)?.length === 2) g.input(name, 'int64', [ROWS, TOKENS]);
  for (const node of graph.nodes) {
    g.adopt(node, graph.initializers);
    g.append(node);
  }
  return g;
}

function written(node: NodeProto, shape: Shape, start: string): RowSizes {
  const name = node.output[0]!;
  const { length } = shape;
  const ends = [intAttribute(node, 'start', 0), intAttribute(node, 'end', length)];
  const [from, to] = ends.map((end) => Math.max(0, Math.min(normalAxis(end, length), length))) as [number, number];
  const constants = new Map<string, TensorProto>();
  const constant = (value: number): string => {
    const key = `${name}/${value}`;
    constants.set(key, inlineTensor(key, 'int64', BigInt64Array.of(BigInt(value)), [1]));
    return key;
  };
  const made = (opType: string, input: readonly string[], output: string, attributes = {}): NodeProto =>
    create(NodeProtoSchema, {
      ...{ opType, name: output, input: [...input], output: [output] },
      attribute: attributeProtos(attributes),
    });
  const whole = `${name}/whole`;
  const nodes = [made('Shape', [start], whole)];
  const parts = shape.slice(from, to).map((dim, i) => {
    if (typeof dim === 'number') return constant(dim);
    const axis = dim === ROWS ? 0 : 1;
    nodes.push(made('Slice', [whole, constant(axis), constant(axis + 1)], `${name}/part${i}`));
    return `${name}/part${i}`;
  });
  nodes.push(
    parts.length > 0
      ? made('Concat', parts, name, { axis: 0 })
      : made('Slice', [whole, constant(0), constant(0)], name),
  );
  return { nodes, constants: [...constants.values()] };
}
