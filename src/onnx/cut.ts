/** Cuts a graph at the target layer: what comes before it (trunk) and what follows (tail). */
import { FungiError } from '../core/errors.js';
import { dependencies, type Graph } from './graph.js';
import type { NodeProto, TensorProto } from './proto/onnx_pb.js';
import { rowSizes, type RowSizes } from './row-sizes.js';
import type { TargetLayer } from './target.js';

export interface Cut {
  /** Nodes of the target layer and all that follows, with the constants and shapes they need. */
  readonly tail: readonly NodeProto[];
  /** Nodes that compute the boundary. */
  readonly trunk: readonly NodeProto[];
  /** Tensors that cross from trunk to tail: the target's input x first, then the residual and whatever else the tail reads. */
  readonly boundary: readonly string[];
  /** Constants that the tail reads and the model lacks. */
  readonly constants: readonly TensorProto[];
  /** Whether the tail reads {@link ATTENTION_MASK}, as an attention behind the target layer does. */
  readonly masked: boolean;
}

/**
 * The input [B,T] that tells tokens from padding. A tail takes it as an input of its own and makes of it what it needs: masks of
 * attention are [B,1,1,T] or [B,1,T,T], and no boundary, which holds one row a token.
 */
export const ATTENTION_MASK = 'attention_mask';

/** @throws {FungiError} MODEL_UNSUPPORTED when the tail reads another input of the graph directly */
export function cutAt(graph: Graph, target: TargetLayer, model: string): Cut {
  const start = perToken(graph, target);
  const tail = new Set(graph.downstreamOf(start));
  const boundary = new Set([start]);
  const sizes = new Map<NodeProto, RowSizes>();
  const sizesOf = rowSizes(graph, start);
  const pending = [...tail].flatMap(dependencies);
  let masked = false;
  while (pending.length > 0) {
    const name = pending.pop()!;
    const maker = graph.maker(name);
    if (maker === undefined ? graph.isConstant(name) : tail.has(maker)) continue;
    if (name === ATTENTION_MASK) {
      masked = true;
    } else if (maker !== undefined && (!graph.carriesData(name) || isMaskOnly(graph, name))) {
      // A constant, a shape that the trunk would read off its own batch, or a mask: the tail computes it for itself.
      tail.add(maker);
      const read = sizesOf(maker);
      if (read !== undefined) sizes.set(maker, read);
      else pending.push(...dependencies(maker));
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
    tail: graph.nodes.filter((node) => tail.has(node)).flatMap((node) => sizes.get(node)?.nodes ?? [node]),
    trunk: graph.upstreamOf([...boundary]),
    boundary: [...boundary],
    constants: [...sizes.values()].flatMap(({ constants }) => constants),
    masked,
  };
}

/** Whether the values of `tensor` (its sizes aside) are made of constants and the attention mask alone. */
function isMaskOnly(graph: Graph, tensor: string): boolean {
  const seen = new Set<string>();
  const pending = [tensor];
  while (pending.length > 0) {
    const name = pending.pop()!;
    if (seen.has(name) || !graph.carriesData(name)) continue;
    seen.add(name);
    const maker = graph.maker(name);
    if (maker === undefined && name !== ATTENTION_MASK) return false;
    if (maker !== undefined) pending.push(...dependencies(maker));
  }
  return true;
}

/** Gemm takes matrices: where batch and tokens were flattened for it, the cut goes before the flattening. */
function perToken(graph: Graph, target: TargetLayer): string {
  const flattening = graph.maker(target.input);
  const isGemm = graph.maker(target.output)?.opType === 'Gemm';
  const flattens = flattening?.opType === 'Reshape' || flattening?.opType === 'Flatten';
  return isGemm && flattens ? flattening.input[0]! : target.input;
}
