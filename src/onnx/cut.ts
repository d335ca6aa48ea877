/** Cuts a graph at the target layer: what comes before it (trunk) and what follows (tail). */
import { FungiError } from '../core/errors.js';
import { dependencies, type Graph } from './graph.js';
import type { NodeProto } from './proto/onnx_pb.js';
import type { TargetLayer } from './target.js';

export interface Cut {
  /** Nodes of the target layer and all that follows, with the constants and shapes they need. */
  readonly tail: readonly NodeProto[];
  /** Nodes that compute the boundary. */
  readonly trunk: readonly NodeProto[];
  /** Tensors that cross from trunk to tail: the target's input x first, then the residual and whatever else the tail reads. */
  readonly boundary: readonly string[];
}

/** @throws {FungiError} MODEL_UNSUPPORTED when the tail reads a graph input directly (an attention mask inside the last block) */
export function cutAt(graph: Graph, target: TargetLayer, model: string): Cut {
  const start = perToken(graph, target);
  const tail = new Set(graph.downstreamOf(start));
  const boundary = new Set([start]);
  const pending = [...tail].flatMap(dependencies);
  while (pending.length > 0) {
    const name = pending.pop()!;
    const maker = graph.maker(name);
    if (maker === undefined ? graph.isConstant(name) : tail.has(maker)) continue;
    if (maker !== undefined && !graph.carriesData(name)) {
      // A constant, or a shape that the trunk would read off its own batch: the tail computes it for itself.
      tail.add(maker);
      pending.push(...dependencies(maker));
    } else boundary.add(name);
  }
  const input = [...boundary].find((name) => graph.isInput(name));
  if (input !== undefined) {
    throw new FungiError(
      'MODEL_UNSUPPORTED',
      `${model}: what follows the target layer reads the model input "${input}"`,
      {
        hint: 'Name another target layer with --target.',
      },
    );
  }
  return {
    tail: graph.nodes.filter((node) => tail.has(node)),
    trunk: graph.upstreamOf([...boundary]),
    boundary: [...boundary],
  };
}

/** Gemm takes matrices: where batch and tokens were flattened for it, the cut goes before the flattening. */
function perToken(graph: Graph, target: TargetLayer): string {
  const flattening = graph.maker(target.input);
  const isGemm = graph.maker(target.output)?.opType === 'Gemm';
  const flattens = flattening?.opType === 'Reshape' || flattening?.opType === 'Flatten';
  return isGemm && flattens ? flattening.input[0]! : target.input;
}
