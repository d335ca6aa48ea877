/** Floating-point operations of a graph: those of its matrix products, two for each multiply and add; all else is small beside them. */
import { intAttribute } from '../onnx/attributes.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import { sizeOf } from '../onnx/shape.js';

/** Sizes of a tensor, undefined where they are not known. */
export type SizesOf = (tensor: string) => readonly number[] | undefined;

/** Tensors whose sizes {@link flopsOf} asks for. */
export function measuredTensors(nodes: readonly NodeProto[]): string[] {
  return nodes.flatMap(({ opType, input, output }) =>
    PRODUCTS.has(opType) ? [output[0]!, input[0]!] : ATTENTIONS.has(opType) ? input.slice(0, 2) : [],
  );
}

/** How far along its first operand a product sums. */
const PRODUCTS = new Set(['MatMul', 'FusedMatMul', 'Gemm', 'MatMulInteger', 'MatMulNBits', 'MatMulIntegerToFloat']);
const ATTENTIONS = new Set(['Attention', 'MultiHeadAttention', 'QAttention']);

export function flopsOf(nodes: readonly NodeProto[], sizesOf: SizesOf): number {
  return nodes.reduce((sum, node) => sum + flopsOfNode(node, sizesOf), 0);
}

function flopsOfNode(node: NodeProto, sizesOf: SizesOf): number {
  if (PRODUCTS.has(node.opType)) {
    const [out, a] = [sizesOf(node.output[0]!), sizesOf(node.input[0]!)];
    if (out === undefined || a === undefined) return 0;
    const summed = intAttribute(node, 'transA', 0) === 1 ? a.at(-2)! : a.at(-1)!;
    return 2 * sizeOf(out) * summed;
  }
  if (!ATTENTIONS.has(node.opType)) return 0;
  // Scores and their product with V; Attention computes Q, K and V from its input [B,T,D] and a weight [D,3D] itself.
  const [input, weight] = node.input.map((name) => sizesOf(name));
  if (input?.length !== 3) return 0;
  const [rows, tokens, width] = input as [number, number, number];
  const inputs = node.opType !== 'MultiHeadAttention' && weight?.length === 2 ? weight[1]! : 0;
  return rows * (4 * tokens * tokens * width + 2 * tokens * width * inputs);
}
