/**
 * A reference interpreter for the graphs that GraphBuilder writes: every operator of the rule table, and those that rules emit, as
 * plain loops over float64 written from the ONNX operator reference. It shares no code with the rules it checks.
 */
import type { GraphBuilder } from '../../src/onnx/builder.js';
import type { NodeProto, TensorProto } from '../../src/onnx/proto/onnx_pb.js';
import { elementType } from '../../src/onnx/tensor.js';
import { activations, fusedActivations } from './kernels/activations.js';
import { elementwise } from './kernels/elementwise.js';
import type { Kernel } from './kernels/kernel.js';
import { layout } from './kernels/layout.js';
import { pieces } from './kernels/pieces.js';
import { fusedProducts, products } from './kernels/products.js';
import { fusedReductions, reductions } from './kernels/reductions.js';
import { selections } from './kernels/selection.js';
import type { Value } from './value.js';

const STANDARD: Readonly<Record<string, Kernel>> = {
  ...elementwise,
  ...activations,
  ...selections,
  ...products,
  ...reductions,
  ...layout,
  ...pieces,
};
const MICROSOFT: Readonly<Record<string, Kernel>> = { ...fusedActivations, ...fusedProducts, ...fusedReductions };

function kernel(node: NodeProto): Kernel {
  const table = node.domain === 'com.microsoft' ? MICROSOFT : STANDARD;
  const found = table[node.opType];
  if (found === undefined) throw new Error(`the interpreter has no ${node.domain}:${node.opType}`);
  return found;
}

/** Constants as builders write them: raw bytes, little-endian. */
function decode(tensor: TensorProto): Value {
  const type = elementType(tensor.dataType);
  const { buffer, byteOffset, byteLength } = tensor.rawData;
  const view = new DataView(buffer, byteOffset, byteLength);
  const read = {
    float32: [4, (at: number) => view.getFloat32(at, true)],
    float64: [8, (at: number) => view.getFloat64(at, true)],
    int64: [8, (at: number) => Number(view.getBigInt64(at, true))],
    int32: [4, (at: number) => view.getInt32(at, true)],
    bool: [1, (at: number) => view.getUint8(at)],
    uint8: [1, (at: number) => view.getUint8(at)],
    int8: [1, (at: number) => view.getInt8(at)],
  } as const;
  if (!(type in read)) throw new Error(`constant of type ${type}`);
  const [width, get] = read[type as keyof typeof read];
  return {
    type,
    shape: tensor.dims.map(Number),
    data: Float64Array.from({ length: byteLength / width }, (_, i) => get(i * width)),
  };
}

export type Feed = Readonly<Record<string, Value>>;

/** Nodes that `outputs` need, in order. */
function needed(g: GraphBuilder, outputs: readonly string[]): NodeProto[] {
  const wanted = new Set(outputs);
  const nodes = g.nodes.toReversed().filter((node) => {
    const used = node.output.some((name) => wanted.has(name));
    if (used) node.input.forEach((name) => wanted.add(name));
    return used;
  });
  return nodes.toReversed();
}

/** A graph ready to run many times on different inputs; `run` gives every tensor that `outputs` depend on. */
export function interpret(
  g: GraphBuilder,
  outputs: readonly string[],
): { run(feed: Feed): ReadonlyMap<string, Value> } {
  const nodes = needed(g, outputs);
  const constants = new Map<string, Value>();
  for (const name of nodes.flatMap((node) => node.input)) {
    const tensor = g.constantTensor(name);
    if (tensor !== undefined) constants.set(name, decode(tensor));
  }
  return {
    run(feed) {
      const values = new Map<string, Value>([...constants, ...Object.entries(feed)]);
      for (const node of nodes) {
        const inputs = node.input.map((name) => {
          const value = values.get(name);
          if (value === undefined && name !== '') throw new Error(`${node.opType} reads "${name}" before it is made`);
          return value;
        });
        const made = kernel(node)(inputs, node, g.opset);
        node.output.forEach((name, i) => name !== '' && values.set(name, made[i]!));
      }
      return values;
    },
  };
}

export function evaluate(g: GraphBuilder, outputs: readonly string[], feed: Feed): Value[] {
  const values = interpret(g, outputs).run(feed);
  return outputs.map((name) => values.get(name)!);
}
