import { at, broadcastShape, sameType, tabulate, type Value } from '../value.js';
import { float, int, type Kernel } from './kernel.js';

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

export const products: Readonly<Record<string, Kernel>> = { MatMul: matMul, Gemm: gemm };
