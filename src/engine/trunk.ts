/** The first model: from the encoder's inputs to the tensors of the boundary. */
import { GraphBuilder } from '../onnx/builder.js';
import { dependencies, type Graph } from '../onnx/graph.js';
import type { OnnxModel } from '../onnx/model.js';
import type { NodeProto, ValueInfoProto } from '../onnx/proto/onnx_pb.js';
import { trunkOutput } from './imported-encoder.js';

export interface TrunkGraph {
  readonly bytes: Uint8Array;
  /** Inputs of the model that it reads. */
  readonly inputs: readonly ValueInfoProto[];
}

/**
 * @param keep what is kept of each of `tensors`: all [B,T,·], token 0 [B,1,·], or whatever it is, of a type that the runtime finds out
 */
export function trunkGraph(
  model: OnnxModel,
  graph: Graph,
  nodes: readonly NodeProto[],
  tensors: readonly string[],
  keep: 'all' | 'first' | 'unknown',
): TrunkGraph {
  const g = new GraphBuilder('trunk', model.opset);
  g.copy(nodes, graph.initializers);
  const read = new Set(nodes.flatMap(dependencies));
  const inputs = model.proto.graph!.input.filter(
    (input) => read.has(input.name) && !graph.initializers.has(input.name),
  );
  inputs.forEach((input) => {
    g.copyInput(input);
  });
  for (const name of tensors) {
    if (keep === 'unknown') {
      g.untypedOutput(name, trunkOutput(name));
      continue;
    }
    const sliced = keep === 'first';
    const kept = sliced ? g.op('Slice', [name, g.integers([0]), g.integers([1]), g.integers([1])]) : name;
    g.output(kept, 'float32', ['batch', sliced ? 1 : 'tokens', 'width'], trunkOutput(name));
  }
  return { bytes: g.build(), inputs };
}
