/** A builder's graph, and the reference interpreter's values, as TfjsGraph takes them. */
import type { GraphBuilder } from '../../src/onnx/builder.js';
import { inlineTensorData } from '../../src/onnx/tensor-data.js';
import { float32, type Feeds, type Tensor } from '../../src/runtime/session.js';
import { TfjsGraph } from '../../src/tfjs/graph.js';
import type { Feed } from '../onnx/interpreter.js';

export function constantsOf(g: GraphBuilder): Map<string, Tensor> {
  const names = new Set(g.nodes.flatMap((node) => node.input));
  return new Map(
    [...names].flatMap((name) => {
      const tensor = g.constantTensor(name);
      return tensor === undefined ? [] : [[name, inlineTensorData(tensor, g.name)] as const];
    }),
  );
}

/** Of the nodes and constants that the builder holds now. */
export const tfjsGraph = (g: GraphBuilder): Promise<TfjsGraph> =>
  TfjsGraph.create({ name: g.name, opset: g.opset, nodes: [...g.nodes], constants: constantsOf(g) });

export const float32Feeds = (feed: Feed): Feeds =>
  Object.fromEntries(
    Object.entries(feed).map(([name, { data, shape }]) => [name, float32(Float32Array.from(data), shape)]),
  );
