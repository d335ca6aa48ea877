/** Runs nodes in order on named tensors, and lets go of each tensor after its last use. */
import { FungiError } from '../core/errors.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import { KERNELS } from './kernels/table.js';
import { NodeCall } from './node-call.js';
import type { Tensorflow, TfTensor } from './tensorflow.js';

export interface Program {
  /** The graph's name, for errors. */
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly NodeProto[];
  /** Tensors that are read again after these nodes. */
  readonly pinned: ReadonlySet<string>;
  /** A constant by name, undefined when there is none; it is not let go of. */
  readonly constant: (name: string) => TfTensor | undefined;
  /** Whether a node is computed on copies of its inputs that no derivative flows through. */
  readonly detached?: (node: NodeProto) => boolean;
}

/**
 * Adds the nodes' results to `values`.
 *
 * @throws {FungiError} INVALID_ARGUMENT for an input that neither a node makes nor `values` holds; OP_UNSUPPORTED for a variant of an
 *   operator without a kernel; RUNTIME_FAILED when TensorFlow.js refuses, naming the node
 */
export function evaluate(tf: Tensorflow, program: Program, values: Map<string, TfTensor>): void {
  const { nodes, pinned } = program;
  const uses = new Map<string, number>();
  for (const name of nodes.flatMap(({ input }) => input)) uses.set(name, (uses.get(name) ?? 0) + 1);
  const made = new Set<string>();
  const release = (name: string): void => {
    if (pinned.has(name) || !made.has(name) || (uses.get(name) ?? 0) > 0) return;
    values.get(name)?.dispose();
    values.delete(name);
  };
  for (const node of nodes) {
    const results = tf.tidy(() => [...call(tf, program, node, values)]);
    node.output.forEach((name, i) => {
      const result = results[i];
      if (result === undefined || name === '') return;
      values.set(name, result);
      made.add(name);
    });
    for (const name of node.input) uses.set(name, uses.get(name)! - 1);
    [...node.input, ...node.output].forEach(release);
  }
}

function call(
  tf: Tensorflow,
  program: Program,
  node: NodeProto,
  values: ReadonlyMap<string, TfTensor>,
): readonly TfTensor[] {
  const { name, opset, constant, detached } = program;
  const inputs = node.input.map((input) => {
    if (input === '') return undefined;
    const value = values.get(input) ?? constant(input);
    if (value === undefined) throw noValue(name, input, node);
    return value;
  });
  const cut = detached?.(node) === true && !SHAPE_ONLY.has(node.opType);
  const seen = cut ? inputs.map((x) => x && tf.tensor(x.dataSync(), x.shape, x.dtype)) : inputs;
  const kernel = KERNELS.get(`${node.domain}:${node.opType}`)!;
  try {
    const results = kernel(new NodeCall(tf, node, seen, opset, name));
    // Each name holds a tensor of its own, so that letting go of one leaves the others.
    return tensors(results).map((result) => (seen.includes(result) ? tf.clone(result) : result));
  } catch (cause) {
    if (FungiError.is(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FungiError('RUNTIME_FAILED', `${name}: ${node.opType} node "${node.name}": ${reason}`, { cause });
  }
}

/** Operators that look at no value of their input: to copy it would be for nothing. */
const SHAPE_ONLY = new Set(['Shape', 'Size']);

const tensors = (results: TfTensor | readonly TfTensor[]): readonly TfTensor[] =>
  Array.isArray(results) ? (results as readonly TfTensor[]) : [results as TfTensor];

function noValue(graph: string, input: string, node: NodeProto): FungiError {
  return new FungiError(
    'INVALID_ARGUMENT',
    `${graph}: nothing gives tensor "${input}", which ${node.opType} node "${node.name}" reads`,
    { details: { tensor: input, node: node.name, graph } },
  );
}
