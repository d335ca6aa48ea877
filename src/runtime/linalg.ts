/** Dense matrix products executed by onnxruntime, which reaches most of the machine's arithmetic where plain loops reach a few percent. */
import { FungiError } from '../core/errors.js';
import { GraphBuilder } from '../onnx/builder.js';
import { Session, type RuntimeOptions, type Tensor } from './session.js';

/** Always on the CPU: a copy to a device and back costs more than these products, and TF32 would round them to ten bits. */
export type LinalgOptions = Pick<RuntimeOptions, 'threads'>;

export type Matrix = Float32Array | Float64Array;

/** Sizes of op(a) [m,k] · op(b) [k,n]; a transposed operand is stored as [k,m] or [n,k]. */
export interface ProductShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transA?: boolean;
  readonly transB?: boolean;
}

/** Multiplications below which waking other threads takes longer than the product; a fit of a small pool is made of thousands of these. */
const ALONE = 2 ** 21;

const sessions = new Map<string, Promise<Session>>();

function gemm(type: 'float32' | 'float64', transA: boolean, transB: boolean): Uint8Array {
  const graph = new GraphBuilder('matmul');
  const a = graph.input('a', type, ['a0', 'a1']);
  const b = graph.input('b', type, ['b0', 'b1']);
  const product = graph.op(
    'Gemm',
    [a, b],
    { transA: Number(transA), transB: Number(transB) },
    { outputs: ['product'] },
  );
  graph.output(product, type, ['m', 'n']);
  return graph.build();
}

/** One session per element type, transposition and number of threads, made on first use and kept for the life of the process. */
function sharedSession(type: 'float32' | 'float64', shape: ProductShape, threads: number): Promise<Session> {
  const transA = shape.transA ?? false;
  const transB = shape.transB ?? false;
  const key = [type, transA, transB, threads].join();
  let session = sessions.get(key);
  if (session === undefined) {
    session = Session.load(gemm(type, transA, transB), 'matmul', { threads });
    sessions.set(key, session);
    session.catch(() => sessions.delete(key));
  }
  return session;
}

function assertSize(name: string, matrix: Matrix, rows: number, columns: number): void {
  if (matrix.length !== rows * columns) {
    throw new FungiError('INVALID_ARGUMENT', `matmul: ${name} holds ${matrix.length} values, not ${rows} × ${columns}`);
  }
}

/**
 * op(a) [m,k] · op(b) [k,n] → [m,n], in the element type of the operands. The result belongs to the caller.
 *
 * @throws {FungiError} INVALID_ARGUMENT when an operand is not of the stated size; RUNTIME_FAILED
 */
export async function matmul<T extends Matrix>(
  a: T,
  b: T,
  shape: ProductShape,
  { threads = 0 }: LinalgOptions = {},
): Promise<T> {
  const { m, k, n, transA = false, transB = false } = shape;
  assertSize('a', a, m, k);
  assertSize('b', b, k, n);
  const type = a instanceof Float32Array ? 'float32' : 'float64';
  if (m * k * n === 0) return (type === 'float32' ? new Float32Array(m * n) : new Float64Array(m * n)) as T;
  const session = await sharedSession(type, shape, m * k * n < ALONE ? 1 : threads);
  const feeds: Record<string, Tensor> = {
    a: { type, data: a, shape: transA ? [k, m] : [m, k] },
    b: { type, data: b, shape: transB ? [n, k] : [k, n] },
  };
  const { product } = await session.run(feeds, ['product']);
  return product.data as T;
}
