/** Matrix products. */
import { broadcastShape, expand } from '../broadcast.js';
import type { Kernel, NodeCall } from '../node-call.js';
import type { Tensorflow, TfTensor } from '../tensorflow.js';

/**
 * NumPy's matmul: leading axes are broadcast, a vector on the left is a row and on the right a column. TensorFlow.js broadcasts them
 * as well, but its derivative does not sum them back.
 */
export function matMul(tf: Tensorflow, left: TfTensor, right: TfTensor): TfTensor {
  const a = left.rank === 1 ? tf.expandDims(left, 0) : left;
  const b = right.rank === 1 ? tf.expandDims(right, 1) : right;
  const [rows, inner, columns] = [a.shape.at(-2)!, a.shape.at(-1)!, b.shape.at(-1)!];
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const flat = (x: TfTensor, sizes: readonly [number, number]): TfTensor =>
    tf.reshape(expand(tf, x, [...batch, ...sizes]), [-1, ...sizes]);
  // One matrix for the whole batch: a single product with all rows under each other.
  const product =
    b.rank === 2
      ? tf.matMul(tf.reshape(a, [-1, inner]), b)
      : tf.matMul(flat(a, [rows, inner]), flat(b, [b.shape.at(-2)!, columns]));
  return tf.reshape(product, [...batch, ...(left.rank === 1 ? [] : [rows]), ...(right.rank === 1 ? [] : [columns])]);
}

function swapLast(tf: Tensorflow, x: TfTensor): TfTensor {
  const perm = x.shape.map((_, i) => i);
  return tf.transpose(x, [...perm.slice(0, -2), perm.at(-1)!, perm.at(-2)!]);
}

/** Y = α·A′·B′ + β·C, where A′ and B′ may be transposed. */
function gemm(c: NodeCall): TfTensor {
  const { tf } = c;
  const a = c.int('transA', 0) === 0 ? c.input(0) : swapLast(tf, c.input(0));
  const b = c.int('transB', 0) === 0 ? c.input(1) : swapLast(tf, c.input(1));
  const product = tf.mul(matMul(tf, a, b), c.float('alpha', 1));
  return c.inputs[2] === undefined ? product : tf.add(product, tf.mul(c.inputs[2], c.float('beta', 1)));
}

/** With transBatch the matrices' rows are their first axis, and the batch the axes between: [M,…,K]. */
function rowsLast(tf: Tensorflow, x: TfTensor): TfTensor {
  const perm = x.shape.map((_, i) => i);
  return tf.transpose(x, [...perm.slice(1, -1), 0, perm.at(-1)!]);
}

function fusedMatMul(c: NodeCall): TfTensor {
  const { tf } = c;
  const operand = (index: number, side: string): TfTensor => {
    const x = c.input(index);
    if (x.rank < 2) return x;
    const batched = c.int(`transBatch${side}`, 0) === 0 ? x : rowsLast(tf, x);
    return c.int(`trans${side}`, 0) === 0 ? batched : swapLast(tf, batched);
  };
  return tf.mul(matMul(tf, operand(0, 'A'), operand(1, 'B')), c.float('alpha', 1));
}

export const products = {
  MatMul: (c) => matMul(c.tf, c.input(0), c.input(1)),
  Gemm: gemm,
} satisfies Record<string, Kernel>;

/** Gemm with an activation behind it. */
function fusedGemm(c: NodeCall): TfTensor {
  const { tf } = c;
  const y = gemm(c);
  const name = c.string('activation', '');
  switch (name) {
    case '':
      return y;
    case 'Relu':
      return tf.relu(y);
    case 'Tanh':
      return tf.tanh(y);
    case 'Sigmoid':
      return tf.sigmoid(y);
    case 'LeakyRelu':
      return tf.leakyRelu(y, c.float('activation_alpha', 0.01));
    default:
      return c.unsupported(`activation ${name}`);
  }
}

/** Of the domain com.microsoft. */
export const fusedProducts = { FusedMatMul: fusedMatMul, FusedGemm: fusedGemm } satisfies Record<string, Kernel>;
