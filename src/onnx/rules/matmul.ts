/** Matrix products. */
import { floatAttribute, intAttribute } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import { broadcast, type Shape } from '../shape.js';
import { like, unbroadcast, unsupported, upstream, type Emitter, type Rule, type TensorInfo } from './rule.js';

/** Swaps the last two axes. */
function transposed(g: Emitter, tensor: string): string {
  const rank = g.known(tensor).shape.length;
  const perm = Array.from({ length: rank }, (_, i) => i);
  [perm[rank - 2], perm[rank - 1]] = [rank - 1, rank - 2];
  return g.op('Transpose', [tensor], { perm });
}

function inferMatMul(node: NodeProto, g: Emitter): TensorInfo[] | undefined {
  const [a, b] = [g.known(node.input[0]!), g.known(node.input[1]!)];
  if (a.shape.length < 2 || b.shape.length < 2) return undefined;
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return [{ type: a.type, shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] }];
}

/** Gemm's Y = α·A′·B′ + β·C, where A′ and B′ may be transposed. */
function inferGemm(node: NodeProto, g: Emitter): TensorInfo[] {
  const [a, b] = [g.known(node.input[0]!), g.known(node.input[1]!)];
  const rows = intAttribute(node, 'transA', 0) === 0 ? a.shape[0]! : a.shape[1]!;
  const columns = intAttribute(node, 'transB', 0) === 0 ? b.shape[1]! : b.shape[0]!;
  return [{ type: a.type, shape: [rows, columns] satisfies Shape }];
}

function scaled(g: Emitter, tensor: string, factor: number): string {
  return factor === 1 ? tensor : g.op('Mul', [tensor, like(g, tensor, factor)]);
}

export const matmul = {
  MatMul: {
    infer: inferMatMul,
    vjp: (b) => {
      const { g, node } = b;
      const [left, right] = [node.input[0]!, node.input[1]!];
      if ([left, right].some((name) => g.known(name).shape.length < 2))
        unsupported(g, node, 'vector operands have no rule');
      const cotangent = upstream(b);
      return [
        b.needs(0) ? unbroadcast(g, g.op('MatMul', [cotangent, transposed(g, right)]), left) : undefined,
        b.needs(1) ? unbroadcast(g, g.op('MatMul', [transposed(g, left), cotangent]), right) : undefined,
      ];
    },
  },
  Gemm: {
    infer: inferGemm,
    vjp: (b) => {
      const { g, node } = b;
      const cotangent = upstream(b);
      const [a, w, c] = [node.input[0]!, node.input[1]!, node.input[2]];
      const transA = intAttribute(node, 'transA', 0);
      const transB = intAttribute(node, 'transB', 0);
      const product = scaled(g, cotangent, floatAttribute(node, 'alpha', 1));
      const dA = () =>
        transA === 0
          ? g.op('Gemm', [product, w], { transB: 1 - transB })
          : g.op('Gemm', [w, product], { transA: transB, transB: 1 });
      const dW = () =>
        transB === 0
          ? g.op('Gemm', [a, product], { transA: 1 - transA })
          : g.op('Gemm', [product, a], { transA: 1, transB: transA });
      const needsC = c !== undefined && c !== '' && b.needs(2);
      return [
        b.needs(0) ? dA() : undefined,
        b.needs(1) ? dW() : undefined,
        needsC ? unbroadcast(g, scaled(g, cotangent, floatAttribute(node, 'beta', 1)), c) : undefined,
      ];
    },
  },
} satisfies Record<string, Rule>;
