/** Matrix products, standard and as onnxruntime's optimiser fuses them. */
import { floatAttribute, intAttribute, stringAttribute, type Attributes } from '../attributes.js';
import type { NodeProto } from '../proto/onnx_pb.js';
import type { Shape } from '../shape.js';
import { commonShape } from './pointwise.js';
import { floatMask, like, unbroadcast, unsupported, upstream } from './rule.js';
import type { Backward, Emitter, Rule, TensorInfo } from './rule.js';

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
  const batch = commonShape([a.shape.slice(0, -2), b.shape.slice(0, -2)]);
  return batch && [{ type: a.type, shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] }];
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

/**
 * Of Y = α·A′·B′ + β·C, with the cotangent of that sum: Ā′ = α·Ȳ·B′ᵀ and B̄′ = α·A′ᵀ·Ȳ, written as products of the same kind so
 * that nothing is transposed in memory.
 */
function gemmCotangents(b: Backward, cotangent: string): (string | undefined)[] {
  const { g, node } = b;
  const [a, w, c] = [node.input[0]!, node.input[1]!, node.input[2]];
  const needsC = c !== undefined && c !== '' && b.needs(2);
  return [
    ...productCotangents(b, 'Gemm', scaled(g, cotangent, floatAttribute(node, 'alpha', 1)), a, w),
    needsC ? unbroadcast(g, scaled(g, cotangent, floatAttribute(node, 'beta', 1)), c) : undefined,
  ];
}

/** Of Y = A′·B′ written by `type`, which takes transA and transB. */
function productCotangents(
  b: Backward,
  type: 'Gemm' | 'FusedMatMul',
  product: string,
  a: string,
  w: string,
): [string | undefined, string | undefined] {
  const [transA, transB] = ['transA', 'transB'].map((name) => intAttribute(b.node, name, 0)) as [number, number];
  const domain = type === 'Gemm' ? '' : 'com.microsoft';
  const times = (left: string, right: string, attributes: Attributes): string =>
    b.g.op(type, [left, right], attributes, { domain });
  const dA = (): string =>
    transA === 0 ? times(product, w, { transB: 1 - transB }) : times(w, product, { transA: transB, transB: 1 });
  const dW = (): string =>
    transB === 0 ? times(a, product, { transA: 1 - transA }) : times(product, a, { transA: 1, transB: transA });
  return [b.needs(0) ? dA() : undefined, b.needs(1) ? dW() : undefined];
}

function assertMatrices({ g, node }: Backward): void {
  if (node.input.slice(0, 2).some((name) => g.known(name).shape.length < 2))
    unsupported(g, node, 'vector operands have no rule');
}

export const matmul = {
  MatMul: {
    infer: inferMatMul,
    vjp: (b) => {
      const { g, node } = b;
      const [left, right] = [node.input[0]!, node.input[1]!];
      assertMatrices(b);
      const cotangent = upstream(b);
      return [
        b.needs(0) ? unbroadcast(g, g.op('MatMul', [cotangent, transposed(g, right)]), left) : undefined,
        b.needs(1) ? unbroadcast(g, g.op('MatMul', [transposed(g, left), cotangent]), right) : undefined,
      ];
    },
  },
  Gemm: { infer: inferGemm, vjp: (b) => gemmCotangents(b, upstream(b)) },
} satisfies Record<string, Rule>;

/** f′ from y = f(z) alone, for the activations that onnxruntime's optimiser draws into a product. */
const FROM_RESULT: Readonly<Record<string, (g: Emitter, y: string, node: NodeProto) => string>> = {
  Relu: (g, y) => floatMask(g, g.op('Greater', [y, like(g, y, 0)]), y),
  Tanh: (g, y) => g.op('Sub', [like(g, y, 1), g.op('Mul', [y, y])]),
  Sigmoid: (g, y) => g.op('Mul', [y, g.op('Sub', [like(g, y, 1), y])]),
  LeakyRelu: (g, y, node) =>
    g.op('Where', [
      g.op('Greater', [y, like(g, y, 0)]),
      like(g, y, 1),
      like(g, y, floatAttribute(node, 'activation_alpha', 0.01)),
    ]),
};

export const fusedMatmul = {
  /** Y = α·A′·B′ over leading axes that broadcast. */
  FusedMatMul: {
    infer: (node, g) => {
      const swapped = (name: string, flag: string): Shape => {
        const { shape } = g.known(name);
        return intAttribute(node, flag, 0) === 0 ? shape : [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];
      };
      const [a, b] = [g.known(node.input[0]!), g.known(node.input[1]!)];
      if (a.shape.length < 2 || b.shape.length < 2 || movesBatch(node)) return undefined;
      const [left, right] = [swapped(node.input[0]!, 'transA'), swapped(node.input[1]!, 'transB')];
      const batch = commonShape([left.slice(0, -2), right.slice(0, -2)]);
      return batch && [{ type: a.type, shape: [...batch, left.at(-2)!, right.at(-1)!] }];
    },
    vjp: (b) => {
      const { g, node } = b;
      assertMatrices(b);
      if (movesBatch(node)) unsupported(g, node, 'transBatchA and transBatchB have no rule');
      const [left, right] = [node.input[0]!, node.input[1]!];
      const product = scaled(g, upstream(b), floatAttribute(node, 'alpha', 1));
      const [dLeft, dRight] = productCotangents(b, 'FusedMatMul', product, left, right);
      return [dLeft && unbroadcast(g, dLeft, left), dRight && unbroadcast(g, dRight, right)];
    },
  },
  /** Y = f(α·A′·B′ + β·C). */
  FusedGemm: {
    infer: inferGemm,
    vjp: (b) => {
      const { g, node } = b;
      const activation = stringAttribute(node, 'activation', '');
      const derivative = FROM_RESULT[activation] ?? unsupported(g, node, `its activation "${activation}" has no rule`);
      return gemmCotangents(b, g.op('Mul', [upstream(b), derivative(g, node.output[0]!, node)]));
    },
  },
} satisfies Record<string, Rule>;

const movesBatch = (node: NodeProto): boolean =>
  ['transBatchA', 'transBatchB'].some((name) => intAttribute(node, name, 0) !== 0);
