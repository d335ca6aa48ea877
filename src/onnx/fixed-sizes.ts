/**
 * Sizes that are the same in every run, as constants. Exporters write sizes as arithmetic on Shape; where a picture's height and width
 * are known beforehand, onnxruntime keeps that arithmetic even so, since the batch is still free, and all that hangs on it: DINOv2
 * resamples its position embeddings in every run, a fifth of its time (bench/media.ts).
 */
import { GraphBuilder } from './builder.js';
import { intsAttribute, stringAttribute } from './attributes.js';
import { dependencies, type Graph } from './graph.js';
import type { NodeProto, TensorProto } from './proto/onnx_pb.js';
import type { TensorInfo } from './rules/rule.js';
import { sizeOf, type Dim, type Shape } from './shape.js';
import { inlineTensor, tensorShape } from './tensor.js';

export interface FixedSizes {
  /** Those that `outputs` still need. */
  readonly nodes: readonly NodeProto[];
  /** What the others made. */
  readonly constants: ReadonlyMap<string, TensorProto>;
}

/**
 * @param nodes of `graph`, which `outputs` are computed with
 * @param inputs shapes of the graph's inputs; a size that a run decides is a name
 */
export function fixSizes(
  graph: Graph,
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  inputs: ReadonlyMap<string, Shape>,
  opset: number,
): FixedSizes {
  const g = new GraphBuilder('sizes', opset);
  for (const [name, shape] of inputs) g.input(name, 'float32', shape);
  const constants = new Map<string, TensorProto>();
  for (const node of nodes) {
    g.adopt(node, graph.initializers);
    g.append(node);
    const [output] = node.output as [string];
    if (node.opType === 'Conv' && node.domain === '') annotateConvolution(g, graph, node);
    const constant = graph.isConstant(output) || graph.carriesData(output) ? undefined : fixedValue(g, output);
    if (constant === undefined) continue;
    constants.set(output, constant);
    g.initializer(constant); // what depends on it need not go back further
  }
  return { nodes: needed(nodes, outputs, constants), constants };
}

/** A list of whole numbers, or one, all of which are known. */
function fixedValue(g: GraphBuilder, tensor: string): TensorProto | undefined {
  const info = g.info(tensor);
  if (info?.type !== 'int64' && info?.type !== 'int32') return undefined;
  const value = g.shapeValue(tensor);
  if (value === undefined || !isNumbers(value) || !isNumbers(info.shape)) return undefined;
  if (info.shape.length > 1 || sizeOf(info.shape) !== value.length) return undefined;
  const data = info.type === 'int64' ? BigInt64Array.from(value, BigInt) : Int32Array.from(value);
  return inlineTensor(tensor, info.type, data, info.shape);
}

const isNumbers = (shape: Shape): shape is readonly number[] => shape.every((dim) => typeof dim === 'number');

function needed(
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  constants: ReadonlyMap<string, TensorProto>,
): readonly NodeProto[] {
  const wanted = new Set(outputs);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.output.some((name) => wanted.has(name) && !constants.has(name))) return false;
    dependencies(node).forEach((name) => wanted.add(name));
    return true;
  });
  return kept.toReversed();
}

/** [B,C,…] by a weight [O,C/groups,…]: no derivative passes it, so that the table of rules has none for it. */
function annotateConvolution(g: GraphBuilder, graph: Graph, node: NodeProto): void {
  const [x, weight] = [g.info(node.input[0]!), graph.initializers.get(node.input[1]!)];
  if (x === undefined || weight === undefined) return;
  const info = convolved(x, tensorShape(weight), node);
  if (info !== undefined) g.annotate(node.output[0]!, info.type, info.shape);
}

function convolved({ type, shape }: TensorInfo, weight: readonly number[], node: NodeProto): TensorInfo | undefined {
  if (stringAttribute(node, 'auto_pad', 'NOTSET') !== 'NOTSET') return undefined;
  const [kernel, axes] = [weight.slice(2), shape.length - 2];
  const [pads, strides, dilations] = ['pads', 'strides', 'dilations'].map((name) => intsAttribute(node, name));
  const sizes = shape.slice(2).map((size, axis): Dim => {
    if (typeof size !== 'number') return `${node.output[0]!}.${axis}`;
    const padded = size + (pads?.[axis] ?? 0) + (pads?.[axis + axes] ?? 0);
    const reach = (dilations?.[axis] ?? 1) * (kernel[axis]! - 1) + 1;
    return Math.floor((padded - reach) / (strides?.[axis] ?? 1)) + 1;
  });
  return { type, shape: [shape[0]!, weight[0]!, ...sizes] };
}
