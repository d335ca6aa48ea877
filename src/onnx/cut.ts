/** Cuts a graph at the target layer: what comes before it (trunk) and what follows (tail). */
import { FungiError } from '../core/errors.js';
import { dependencies, type Graph } from './graph.js';
import type { NodeProto } from './proto/onnx_pb.js';
import type { TargetLayer } from './target.js';

export interface Cut {
  /** Nodes of the target layer and all that follows, with the constants they need. */
  readonly tail: readonly NodeProto[];
  /** Nodes that compute the boundary. */
  readonly trunk: readonly NodeProto[];
  /** Tensors that cross from trunk to tail: the target's input x first, then the residual and whatever else the tail reads. */
  readonly boundary: readonly string[];
}

/** @throws {FungiError} MODEL_UNSUPPORTED when the tail reads a graph input directly (an attention mask inside the last block) */
export function cutAt(graph: Graph, target: TargetLayer, model: string): Cut {
  const after = new Set(graph.downstreamOf(target.input));
  const made = new Set([...after].flatMap((node) => node.output));
  const read = [...after].flatMap(dependencies).filter((name) => !made.has(name));
  const crossing = read.filter((name) => !graph.isConstant(name));
  const boundary = [target.input, ...new Set(crossing.filter((name) => name !== target.input))];
  const input = boundary.find((name) => graph.isInput(name));
  if (input !== undefined) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${model}: what follows the target layer reads the model input "${input}"`,
      {
        hint: 'Name another target layer with --target.',
      },
    );
  }
  const constants = graph.upstreamOf(read.filter((name) => graph.isConstant(name)));
  const tail = graph.nodes.filter((node) => after.has(node) || constants.includes(node));
  return { tail, trunk: graph.upstreamOf(boundary), boundary };
}
