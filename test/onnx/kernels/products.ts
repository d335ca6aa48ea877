import { at, broadcastShape, sameType, tabulate, type Value } from '../value.js';
import { einsum } from './einsum.js';
import { float, int, text, type Kernel } from './kernel.js';

/** [.., M, K]·[.., K, N] with broadcasting of the leading axes. */
const matMul: Kernel = ([a, b]) => {
  if (a!.shape.length < 2 || b!.shape.length < 2) throw new Error('vector operands');
  const inner = a!.shape.at(-1)!;
  if (inner !== b!.shape.at(-2)) throw new Error(`[${a!.shape.join()}]·[${b!.shape.join()}]`);
  const batch = broadcastShape(a!.shape.slice(0, -2), b!.shape.slice(0, -2));
  const shape = [...batch, a!.shape.at(-2)!, b!.shape.at(-1)!];
  const out = tabulate(sameType(a!, b!), shape, (index) => {
    const left = [...index.slice(0, -1), 0];
    const right = [...index.slice(0, -2), 0, index.at(-1)!];
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      left[left.length - 1] = right[right.length - 2] = k;
      sum += at(a!, left) * at(b!, right);
    }
    return sum;
  });
  return [out];
};

/** α·A′·B′ + β·C on matrices. */
const gemm: Kernel = ([a, b, c], node) => {
  const [transA, transB] = [int(node, 'transA', 0) !== 0, int(node, 'transB', 0) !== 0];
  const [alpha, beta] = [float(node, 'alpha', 1), float(node, 'beta', 1)];
  const operands = [a!, b!, ...(c ? [c] : [])];
  if (a!.shape.length !== 2 || b!.shape.length !== 2) throw new Error('Gemm wants matrices');
  const dims = (value: Value, swap: boolean) => (swap ? value.shape.toReversed() : value.shape) as [number, number];
  const [[rows, inner], [innerB, columns]] = [dims(a!, transA), dims(b!, transB)];
  if (inner !== innerB) throw new Error(`inner sizes ${inner} and ${innerB}`);
  const out = tabulate(sameType(...operands), [rows, columns], ([m, n]) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += at(a!, transA ? [k, m!] : [m!, k]) * at(b!, transB ? [n!, k] : [k, n!]);
    }
    return alpha * sum + (c ? beta * at(c, [m!, n!]) : 0);
  });
  return [out];
};

/** MatMul of operands whose last two axes may be swapped, times alpha. */
const fusedMatMul: Kernel = ([a, b], node, opset) => {
  const swapped = (x: Value, flag: string): Value => {
    if (int(node, flag, 0) === 0) return x;
    const shape = [...x.shape.slice(0, -2), x.shape.at(-1)!, x.shape.at(-2)!];
    return tabulate(x.type, shape, (index) => at(x, [...index.slice(0, -2), index.at(-1)!, index.at(-2)!]));
  };
  const [product] = matMul([swapped(a!, 'transA'), swapped(b!, 'transB')], node, opset);
  return [{ ...product!, data: product!.data.map((x) => float(node, 'alpha', 1) * x) }];
};

const ACTIVATIONS: Readonly<Record<string, (x: number, alpha: number) => number>> = {
  Relu: (x) => Math.max(x, 0),
  Tanh: Math.tanh,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  LeakyRelu: (x, alpha) => (x < 0 ? alpha * x : x),
};

const fusedGemm: Kernel = (inputs, node, opset) => {
  const [y] = gemm(inputs, node, opset);
  const f = ACTIVATIONS[text(node, 'activation', '')]!;
  return [{ ...y!, data: y!.data.map((x) => f(x, float(node, 'activation_alpha', 0.01))) }];
};

export const products: Readonly<Record<string, Kernel>> = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
export const fusedProducts: Readonly<Record<string, Kernel>> = { FusedMatMul: fusedMatMul, FusedGemm: fusedGemm };
