/** What the engine makes of a model, for people: where it is cut, what was checked, and what a text costs. */
import { FungiError } from '../core/errors.js';
import type { Encoder, Prepared } from '../encoders/encoder.js';
import { dependencies } from '../onnx/graph.js';
import { gradientPath } from '../onnx/gradient-path.js';
import { GraphBuilder } from '../onnx/builder.js';
import { differentiate } from '../onnx/differentiate.js';
import { isQuantised } from '../onnx/quantised.js';
import { RULES } from '../onnx/rules/table.js';
import type { NodeProto, TensorProto } from '../onnx/proto/onnx_pb.js';
import { elementType, tensorShape } from '../onnx/tensor.js';
import { sizeOf } from '../onnx/shape.js';
import type { Loss } from '../losses/loss.js';
import type { ModelParts } from './assemble.js';
import { flopsOf, measuredTensors, type SizesOf } from './flops.js';
import { writeForward } from './forward.js';
import { readParts } from './import.js';
import type { ImportOptions } from './import-options.js';
import type { BoundaryTensor, ImportedEncoder } from './imported-encoder.js';
import { assertInt8, withInt8Trunk } from './int8-trunk.js';
import { OnnxTails } from './onnx-tails.js';
import { runUncut } from './probe.js';
import { uncutGraph } from './trunk.js';
import { tryOut, type Checks } from './try-out.js';

export interface Inspection {
  readonly modelPath: string;
  readonly opset: number;
  readonly inputs: readonly string[];
  readonly output: string;
  /** D. */
  readonly dims: number;
  readonly pooling: string;
  readonly quantised: boolean;
  /** Rows of one run change each other: each text runs alone. */
  readonly entangled: boolean;
  /** The file takes one item a run. */
  readonly single?: true;
  readonly parameters: {
    readonly trunk: number;
    readonly tail: number;
    readonly types: Readonly<Record<string, number>>;
  };
  /** Absent where the model is not cut (quantised, without its unquantised file). */
  readonly target?: {
    readonly node: string;
    readonly tensor: string;
    readonly inFeatures: number;
    readonly outFeatures: number;
    readonly bias: boolean;
  };
  readonly boundary: readonly BoundaryTensor[];
  readonly sliced: boolean;
  readonly unsliced?: string;
  readonly checks: Checks;
  /** Operators between target and token states, as often as they come, and whether a derivative passes. */
  readonly operators: readonly { readonly op: string; readonly count: number; readonly rule: boolean }[];
  /** Why no gradient can be had from this engine, where none can. */
  readonly undifferentiable?: string;
  /** Whether TensorFlow.js can compute it instead; absent where there is no need. */
  readonly tfjs?: boolean;
  /** The trunk in int8, where asked for: products that are quantised, and how far its states are from float32's. */
  readonly int8?: { readonly products: number; readonly error: number };
  readonly flops: {
    readonly tokens: number;
    /** Of the encoder as it is, for one text. */
    readonly uncut: number;
    readonly trunk: number;
    readonly tail: number;
    /** Tail, loss and derivative; absent where no gradient can be had. */
    readonly gradient?: number;
  };
}

/**
 * Loads and runs the model as an import without any memory of it does.
 *
 * @param loss whose gradient is counted
 * @throws {FungiError} as `importEncoder`
 */
export async function inspectEncoder<P extends Prepared>(
  encoder: Encoder<P>,
  loss: Loss,
  options: ImportOptions = {},
): Promise<Inspection> {
  if (options.precision === 'int8') assertInt8(encoder, options);
  const { parts, states } = await readParts(encoder, options);
  const { findings, checks, imported, trunk } = await tryOut(encoder, parts, states, options);
  await trunk.release();
  const { graph, model } = parts;
  const { target, tail } = imported;
  const { undifferentiable } = tail;
  const path = undifferentiable === undefined ? gradientPath(tail.nodes, imported.output, target.output) : [];
  const operators = counted(path);
  const obstacle = undifferentiable?.reason ?? obstacleOf(imported, loss);
  const int8 = options.precision === 'int8' ? await withInt8Trunk(encoder, parts, findings, options) : undefined;
  return {
    modelPath: model.path,
    opset: model.opset,
    inputs: imported.trunk.inputs,
    output: imported.output,
    dims: findings.dims,
    pooling: encoder.pooling,
    quantised: isQuantised(graph.nodes),
    entangled: parts.division.trunk.entangled,
    ...(parts.division.trunk.single && { single: true as const }),
    parameters: parametersOf(parts),
    ...(undifferentiable === undefined && {
      target: {
        node: target.node,
        tensor: target.output,
        inFeatures: target.inFeatures,
        outFeatures: target.outFeatures,
        bias: target.bias,
      },
    }),
    boundary: findings.boundary,
    sliced: findings.sliced,
    ...(findings.unsliced !== undefined && { unsliced: findings.unsliced }),
    checks,
    operators,
    ...(obstacle !== undefined && { undifferentiable: obstacle }),
    ...(obstacle !== undefined && undifferentiable === undefined && { tfjs: await tfjsCan(imported) }),
    ...(int8 && { int8: { products: int8.products, error: int8.error } }),
    flops: await costOf(encoder, parts, imported, options, obstacle === undefined ? loss : undefined),
  };
}

/** What keeps the derivative from being written, if anything does: an operator without a rule, or in a form that has none. */
function obstacleOf(imported: ImportedEncoder, loss: Loss): string | undefined {
  try {
    new OnnxTails(imported, {}).assertDifferentiable();
    tailFlops(imported, 1, loss);
    return undefined;
  } catch (error) {
    if (FungiError.is(error)) return error.message;
    throw error;
  }
}

async function tfjsCan(imported: ImportedEncoder): Promise<boolean> {
  const { TfjsTails } = await import('./tfjs-tails.js');
  try {
    new TfjsTails(imported).assertDifferentiable();
    return true;
  } catch {
    return false;
  }
}

function counted(path: readonly NodeProto[]): Inspection['operators'] {
  const counts = new Map<string, { op: string; count: number; rule: boolean }>();
  for (const { domain, opType } of path) {
    const op = domain === '' ? opType : `${domain}.${opType}`;
    const known = counts.get(op);
    if (known === undefined) counts.set(op, { op, count: 1, rule: RULES.has(`${domain}:${opType}`) });
    else known.count += 1;
  }
  return [...counts.values()];
}

/** Shapes, axes and positions are constants too, and no parameters. */
const NO_WEIGHTS: ReadonlySet<string> = new Set(['int64', 'int32', 'bool']);

/** Elements of the weights that trunk and tail read; those that both read count for the trunk. */
function parametersOf({ graph, division }: ModelParts): Inspection['parameters'] {
  const seen = new Set<string>();
  const types: Record<string, number> = {};
  const sum = (nodes: readonly NodeProto[], constants: ReadonlyMap<string, TensorProto>): number => {
    let total = 0;
    for (const name of nodes.flatMap(dependencies)) {
      const tensor = constants.get(name);
      if (tensor === undefined || seen.has(name)) continue;
      seen.add(name);
      const size = sizeOf(tensorShape(tensor));
      const type = elementType(tensor.dataType);
      if (NO_WEIGHTS.has(type)) continue;
      types[type] = (types[type] ?? 0) + size;
      total += size;
    }
    return total;
  };
  return {
    trunk: sum(division.trunk.nodes, graph.initializers),
    tail: sum(division.tail.nodes, division.tail.initializers),
    types,
  };
}

/** FLOPs of the longer item of the probe. */
async function costOf<P extends Prepared>(
  encoder: Encoder<P>,
  { model, graph, division }: ModelParts,
  imported: ImportedEncoder,
  options: ImportOptions,
  loss: Loss | undefined,
): Promise<Inspection['flops']> {
  const [item] = [...encoder.probe()].sort((a, b) => b.tokens - a.tokens) as [P];
  const measured = [...new Set(measuredTensors(graph.nodes))].filter((name) => !graph.isConstant(name));
  const [run] = await runUncut(encoder, uncutGraph(model, graph, measured), measured, [[item]], {
    ...options,
    folder: model.folder,
  });
  const constant = (name: string): readonly number[] | undefined => {
    const tensor = graph.initializers.get(name);
    return tensor && tensorShape(tensor);
  };
  const inRun: SizesOf = (name) => run!.tensors[name]?.shape ?? constant(name);
  const seen = imported.tokens ?? item.tokens;
  const tokens = imported.slice ?? seen;
  return {
    tokens: seen,
    uncut: flopsOf(graph.nodes, inRun),
    // As the file has it: nodes that were taken apart compute the same products.
    trunk: flopsOf(graph.upstreamOf(division.boundary), inRun),
    tail: tailFlops(imported, tokens),
    ...(loss && { gradient: tailFlops(imported, tokens, loss) }),
  };
}

/** Of the graph of a tail for one text, by the shapes that are inferred. */
function tailFlops(imported: ImportedEncoder, tokens: number, loss?: Loss): number {
  const g = new GraphBuilder('cost', imported.tail.opset);
  const forward = writeForward(g, imported, loss);
  if (forward.loss !== undefined) differentiate(g, forward.loss, imported.target.output);
  const size = (dim: number | string): number =>
    typeof dim === 'number'
      ? dim
      : dim.split('*').reduce((product, part) => product * (part === 'tokens' ? tokens : Number(part) || 1), 1);
  return flopsOf(g.nodes, (name) => g.info(name)?.shape.map(size));
}
