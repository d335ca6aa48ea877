/** The first model: from the encoder's inputs to the tensors of the boundary. */
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { GraphBuilder } from '../onnx/builder.js';
import { dependencies, type Graph } from '../onnx/graph.js';
import type { OnnxModel } from '../onnx/model.js';
import type { NodeProto, TensorProto, ValueInfoProto } from '../onnx/proto/onnx_pb.js';
import { copyQuantised, type QuantisedGroup } from '../onnx/row-quantisation.js';
import type { Feeds } from '../runtime/session.js';
import { batchesByTokens, type BatchLimits } from './batches.js';
import { trunkOutput, type BoundaryTensor, type ImportedEncoder } from './imported-encoder.js';
import { allocateStates, scatter, type States } from './states.js';
import type { Runner } from './trunk-runs.js';

/** Encoder runs: about what keeps a 768-wide model's activations in cache. */
export const TRUNK_LIMITS: BatchLimits = { maxTokens: 512, maxRows: 64 };
const ALONE: BatchLimits = { maxTokens: 1, maxRows: 1 };

export interface TrunkGraph {
  readonly bytes: Uint8Array;
  /** Inputs of the model that it reads. */
  readonly inputs: readonly ValueInfoProto[];
}

/** Where a trunk's nodes come from. */
export interface TrunkSource {
  readonly nodes: readonly NodeProto[];
  readonly initializers: ReadonlyMap<string, TensorProto>;
  /** Of the initializers that are external data. */
  readonly folder: string;
  /** Whether rows of one run change each other's numbers (dynamic quantisation: one scale a tensor). */
  readonly entangled: boolean;
  /** Whether the file takes one item a run and no more. */
  readonly single: boolean;
  /** Products that are computed in int8. */
  readonly quantised?: readonly QuantisedGroup[];
}

/** From the model's inputs to `boundary` in float32: of all tokens [B,T,·], or of the first `slice` of them. */
export function trunkGraph(
  model: OnnxModel,
  source: TrunkSource,
  boundary: readonly BoundaryTensor[],
  slice: number | undefined,
): TrunkGraph {
  return written(model, source, (g) => {
    for (const { name, type } of boundary) {
      const kept =
        slice === undefined ? name : g.op('Slice', [name, g.integers([0]), g.integers([slice]), g.integers([1])]);
      const single = type === 'float32' ? kept : g.op('Cast', [kept], { to: 1 });
      g.output(single, 'float32', ['batch', slice ?? 'tokens', 'width'], trunkOutput(name));
    }
  });
}

/** The whole encoder, up to `tensors`, of types and shapes that the runtime finds out. */
export function uncutGraph(model: OnnxModel, graph: Graph, tensors: readonly string[]): TrunkGraph {
  return written(model, graph, (g) => {
    for (const name of tensors) g.untypedOutput(name, trunkOutput(name));
  });
}

function written(
  model: OnnxModel,
  { nodes, initializers, quantised = [] }: Pick<TrunkSource, 'nodes' | 'initializers' | 'quantised'>,
  writeOutputs: (g: GraphBuilder) => void,
): TrunkGraph {
  const g = new GraphBuilder('trunk', model.opset);
  copyQuantised(g, nodes, initializers, quantised);
  const read = new Set(nodes.flatMap(dependencies));
  const inputs = model.proto.graph!.input.filter((input) => read.has(input.name) && !initializers.has(input.name));
  inputs.forEach((input) => {
    g.copyInput(input);
  });
  writeOutputs(g);
  return { bytes: g.build(), inputs };
}

/**
 * Runs the trunk over items and keeps the boundary of each, without padding.
 *
 * @param runnerOf what computes so many runs
 */
export async function encodeStates<P extends Prepared>(
  runnerOf: (runs: number) => Runner,
  imported: ImportedEncoder,
  encoder: Pick<Encoder<P>, 'collate'>,
  prepared: readonly P[],
  onBatch: (items: number) => void = () => undefined,
): Promise<States> {
  const { boundary, slice, trunk } = imported;
  const lengths = prepared.map((item) => imported.tokens ?? item.tokens);
  const states = allocateStates(
    slice === undefined ? lengths : lengths.map(() => slice),
    boundary.map(({ width }) => width),
  );
  prepared.forEach((item, i) => (states.truncated[i] = item.truncated ? 1 : 0));
  const names = boundary.map(({ name }) => trunkOutput(name));
  const computed = prepared.map((item) => imported.tokens ?? item.computed ?? item.tokens);
  const batches = batchesByTokens(computed, trunk.alone ? ALONE : TRUNK_LIMITS);
  const runner = runnerOf(batches.length);
  const decoding = new Map<number, Promise<Feeds>>();
  const feedsOf = (at: number): Promise<Feeds> => {
    const begun = decoding.get(at);
    if (begun !== undefined) return begun;
    const items = batches[at]!.map((item) => prepared[item]!);
    const feeds = Promise.resolve(encoder.collate(items, trunk.inputs));
    feeds.catch(() => undefined); // awaited in its turn
    decoding.set(at, feeds);
    return feeds;
  };
  let next = 0;
  const lanes: Promise<void>[] = [];
  const failures: unknown[] = [];
  const lane = async (): Promise<void> => {
    try {
      while (next < batches.length) {
        const at = next++;
        const feeds = await feedsOf(at);
        decoding.delete(at);
        // Batches of media are decoded while those before them run, one for each lane.
        for (let later = next; later < Math.min(batches.length, next + runner.lanes); later++) void feedsOf(later);
        const results = await runner.run(feeds, names);
        names.forEach((name, tensor) => {
          scatter(states, tensor, batches[at]!, results[name]!);
        });
        onBatch(batches[at]!.length);
        addLanes();
      }
    } catch (error) {
      next = batches.length; // for all lanes
      failures.push(error);
    }
  };
  const addLanes = (): void => {
    while (lanes.length < runner.lanes && next < batches.length) lanes.push(lane());
  };
  addLanes();
  for (let i = 0; i < lanes.length; i++) await lanes[i]; // others are added meanwhile
  if (failures.length > 0) throw failures[0];
  return states;
}
