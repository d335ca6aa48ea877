/** Which nodes of a graph have to be computed, and which of them a derivative flows through. */
import { FungiError } from '../core/errors.js';
import { gradientPath } from '../onnx/gradient-path.js';
import { dependencies } from '../onnx/graph.js';
import type { NodeProto } from '../onnx/proto/onnx_pb.js';
import { KERNELS } from './kernels/table.js';

/** The nodes of `nodes` (in topological order) that `outputs` need when `given` are known already. */
export function neededNodes(
  nodes: readonly NodeProto[],
  outputs: readonly string[],
  given: ReadonlySet<string>,
): NodeProto[] {
  const wanted = new Set(outputs.filter((name) => !given.has(name)));
  const backwards = nodes.toReversed().filter((node) => {
    if (!node.output.some((name) => wanted.has(name))) return false;
    for (const name of dependencies(node)) if (!given.has(name)) wanted.add(name);
    return true;
  });
  return backwards.toReversed();
}

/** @throws {FungiError} OP_UNSUPPORTED naming operator, node and graph, for the first node without a kernel */
export function assertKernels(nodes: readonly NodeProto[], graph: string): void {
  const node = nodes.find(({ domain, opType }) => !KERNELS.has(`${domain}:${opType}`));
  if (node === undefined) return;
  const op = node.domain === '' ? node.opType : `${node.domain}.${node.opType}`;
  throw new FungiError(
    'OP_UNSUPPORTED',
    `${graph}: operator ${op} (node "${node.name}") is not known to the TensorFlow.js engine`,
    { hint: 'Use the onnxruntime engine for this model.', details: { op, node: node.name, graph } },
  );
}

export interface GradientPlan {
  /** What does not depend on `wrt`: computed first, and not recorded. */
  readonly before: readonly NodeProto[];
  /** What depends on it, by its values or by its shape. */
  readonly after: readonly NodeProto[];
  /** Those of `after` that the derivative passes. */
  readonly path: ReadonlySet<NodeProto>;
}

/** @throws {FungiError} MODEL_UNSUPPORTED when `value` does not depend on `wrt` */
export function planGradient(
  needed: readonly NodeProto[],
  ends: { readonly value: string; readonly wrt: string },
  graph: string,
): GradientPlan {
  const { value, wrt } = ends;
  const path = new Set(gradientPath(needed, value, wrt));
  if (path.size === 0 && value !== wrt)
    throw new FungiError('MODEL_UNSUPPORTED', `${graph}: "${value}" does not depend on "${wrt}"`);
  const reached = new Set([wrt]);
  const after = needed.filter((node) => {
    if (node.output.includes(wrt) || !dependencies(node).some((name) => reached.has(name))) return false;
    node.output.forEach((name) => reached.add(name));
    return true;
  });
  const late = new Set(after);
  return { before: needed.filter((node) => !late.has(node)), after, path };
}
