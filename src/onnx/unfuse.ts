/**
 * Fused operators taken apart where onnxruntime's kernels for them are slower on a CPU than what they stand for: on 42 × 12 tokens of
 * DistilBERT its SkipLayerNormalization takes three times as long as an Add and a LayerNormalization, and its Attention a tenth longer
 * than three products and a MultiHeadAttention.
 */
import { create } from '@bufbuild/protobuf';
import { attributeProtos, floatAttribute, intAttribute, intsAttribute, type Attributes } from './attributes.js';
import type { Graph } from './graph.js';
import { MICROSOFT } from './builder.js';
import { NodeProtoSchema, type NodeProto, type TensorProto } from './proto/onnx_pb.js';
import { elementType, inlineTensor, tensorShape } from './tensor.js';

export interface Unfused {
  readonly nodes: readonly NodeProto[];
  /** Constants that the new nodes read. */
  readonly constants: ReadonlyMap<string, TensorProto>;
}

/** The same tensors by plainer nodes; what cannot be taken apart with certainty stays as it is. */
export function unfuse(graph: Graph, nodes: readonly NodeProto[], opset: number): Unfused {
  const constants = new Map<string, TensorProto>();
  const plain = nodes.flatMap((node) => {
    if (node.domain !== MICROSOFT) return [node];
    // In half precision the fused kernels keep their sums in float32, which plain nodes would round, or overflow.
    if (!isSingle(graph, node.input[node.opType === 'Attention' ? 1 : 2])) return [node];
    if (node.opType === 'SkipLayerNormalization') return skipNormalization(node, opset) ?? [node];
    return node.opType === 'Attention' ? (attention(graph, node, opset, constants) ?? [node]) : [node];
  });
  return { nodes: plain, constants };
}

/** Before the names of tensors that the model does not have. */
const PREFIX = 'fungi.unfused/';

const made = (
  opType: string,
  input: readonly string[],
  output: readonly string[],
  attributes: Attributes = {},
  domain = '',
): NodeProto =>
  create(NodeProtoSchema, {
    ...{ opType, domain, name: output[0]!, input: [...input], output: [...output] },
    attribute: attributeProtos(attributes),
  });

/** Whether a constant of the model is float32, as its activations are then. */
function isSingle(graph: Graph, name: string | undefined): boolean {
  const tensor = graph.initializers.get(name ?? '');
  return tensor !== undefined && elementType(tensor.dataType) === 'float32';
}

const given = (name: string | undefined): name is string => name !== undefined && name !== '';

/** y = LayerNormalization(sum), sum = input + skip + bias, which may be an output too. */
function skipNormalization(node: NodeProto, opset: number): NodeProto[] | undefined {
  const [x, skip, gamma, beta, bias] = node.input;
  const [y, mean, inverse, total] = node.output;
  // LayerNormalization is an operator of its own from 17 on.
  if (opset < 17 || given(mean) || given(inverse)) return undefined;
  const sum = given(total) ? total : `${PREFIX}${y!}/sum`;
  const added = given(bias) ? `${PREFIX}${y!}/added` : sum;
  const epsilon = { float: floatAttribute(node, 'epsilon', 1e-12) };
  return [
    made('Add', [x!, skip!], [added]),
    ...(given(bias) ? [made('Add', [added, bias], [sum])] : []),
    made('LayerNormalization', [sum, gamma!, ...(given(beta) ? [beta] : [])], [y!], { axis: -1, epsilon }),
  ];
}

/** Q, K and V as products of their own, of the columns of one weight [D,3D]. */
function attention(
  graph: Graph,
  node: NodeProto,
  opset: number,
  constants: Map<string, TensorProto>,
): NodeProto[] | undefined {
  const [x, weight, bias, mask, past, relative] = node.input;
  const shape = tensorShape(
    graph.initializers.get(weight ?? '') ?? inlineTensor('', 'float32', new Float32Array(), []),
  );
  const isPlain =
    opset >= 13 &&
    !given(past) &&
    node.output.length === 1 &&
    intAttribute(node, 'unidirectional', 0) === 0 &&
    intAttribute(node, 'do_rotary', 0) === 0 &&
    intsAttribute(node, 'qkv_hidden_sizes') === undefined &&
    shape.length === 2 &&
    shape[1]! % 3 === 0 &&
    (!given(mask) || isKeyMask(graph, mask));
  if (!isPlain) return undefined;
  const [y] = node.output as [string];
  const width = shape[1]! / 3;
  const integer = (value: number): string => {
    const name = `${PREFIX}${y}/${value}`;
    constants.set(name, inlineTensor(name, 'int64', BigInt64Array.of(BigInt(value)), [1]));
    return name;
  };
  const parts = ['query', 'key', 'value'].flatMap((part, i) => [
    made(
      'Slice',
      [weight!, integer(i * width), integer((i + 1) * width), integer(1)],
      [`${PREFIX}${y}/${part}/weight`],
    ),
    made('MatMul', [x!, `${PREFIX}${y}/${part}/weight`], [`${PREFIX}${y}/${part}`]),
  ]);
  const inputs = [
    ...['query', 'key', 'value'].map((part) => `${PREFIX}${y}/${part}`),
    bias ?? '',
    mask ?? '',
    relative ?? '',
  ];
  while (inputs.at(-1) === '') inputs.pop();
  const scale = floatAttribute(node, 'scale', 0);
  const attributes = {
    num_heads: intAttribute(node, 'num_heads', 1),
    mask_filter_value: { float: floatAttribute(node, 'mask_filter_value', -10000) },
    ...(scale !== 0 && { scale: { float: scale } }),
  };
  return [...parts, made('MultiHeadAttention', inputs, [y], attributes, MICROSOFT)];
}

/** Whether a mask is one of keys, [B,T] or the lengths [B]: Attention takes others, MultiHeadAttention does not. */
function isKeyMask(graph: Graph, mask: string): boolean {
  const node = graph.maker(mask);
  if (node === undefined) return graph.isInput(mask) && graph.inputShape(mask)?.length === 2;
  if (node.opType === 'EmbedLayerNormalization') return true;
  if (node.opType === 'ReduceSum') return intAttribute(node, 'keepdims', 1) === 0 && isKeyMask(graph, node.input[0]!);
  return ['Cast', 'Identity'].includes(node.opType) && isKeyMask(graph, node.input[0]!);
}
