/**
 * Finds the layer whose gradient is the feature: the output projection of the last self-attention (paper §4.1).
 *
 * By structure, since names differ between exporters: on the graph pruned to the encoder's output, the last product with a
 * constant weight whose data comes, through operators that only move elements, from softmax(Q·Kᵀ)·V or from a fused attention.
 */
import { FungiError } from '../core/errors.js';
import { intAttribute } from './attributes.js';
import type { Graph } from './graph.js';
import type { NodeProto } from './proto/onnx_pb.js';
import { tensorShape } from './tensor.js';

/** A linear layer y = x·W + b of the graph. */
export interface TargetLayer {
  /** Name of the product's node, for messages: names of nodes may be missing, or repeat. */
  readonly node: string;
  /** The layer's input x, [B,T,I]. */
  readonly input: string;
  /**
   * The product's output, before a bias that another node applies: the loss's derivative here is δ, [B,T,O]. Names of tensors are
   * unique in a graph: this one says which layer it is.
   */
  readonly output: string;
  /** I and O of the weight O×I. */
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Whether the layer has a bias: its gradient joins the weight's as a last column. */
  readonly bias: boolean;
}

/** Operators that move elements and change none. */
export const MOVES: ReadonlySet<string> = new Set([
  'Reshape',
  'Transpose',
  'Squeeze',
  'Unsqueeze',
  'Identity',
  'Flatten',
  'Cast',
  'Dropout',
]);
/** As exported, and with transposition and scaling taken in by onnxruntime's optimiser. */
const PRODUCTS = new Set(['MatMul', 'FusedMatMul']);
const SOFTMAX = new Set(['Softmax']);
const FUSED_ATTENTION = new Set([
  'Attention',
  'MultiHeadAttention',
  'GroupQueryAttention',
  'PackedMultiHeadAttention',
  'PackedAttention',
]);
/** What may stand between a softmax and its product with V: dropout, head masks, guards against fully masked rows. */
const AFTER_SOFTMAX = new Set([...MOVES, 'Mul', 'Where']);
/** What may stand between Q·Kᵀ and its softmax: scaling and masks, on either side of it. */
const AFTER_SCORES = new Set([...MOVES, 'Add', 'Mul', 'Div', 'Where', 'Sub']);

/** Follows the first data input back through operators of `through`. */
function origin(graph: Graph, tensor: string, through: ReadonlySet<string>): NodeProto | undefined {
  let node = graph.maker(tensor);
  while (node !== undefined && through.has(node.opType)) {
    const next = node.input.find((name) => name !== '' && graph.carriesData(name) && !isCondition(node!, name));
    node = next === undefined ? undefined : graph.maker(next);
  }
  return node;
}

/** The nearest node of a type in `wanted` behind `tensor`, looking back through operators of `through` along all their data inputs. */
function nearest(
  graph: Graph,
  tensor: string,
  through: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): NodeProto | undefined {
  const node = graph.maker(tensor);
  if (node === undefined || wanted.has(node.opType)) return node;
  if (!through.has(node.opType)) return undefined;
  const data = node.input.filter((name) => name !== '' && graph.carriesData(name) && !isCondition(node, name));
  for (const name of data) {
    const found = nearest(graph, name, through, wanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

const isCondition = (node: NodeProto, name: string): boolean => node.opType === 'Where' && node.input[0] === name;

/** Whether `node` is softmax(Q·Kᵀ)·V with a query computed from the data: a pooling head's learned query is not. */
export function isSelfAttention(graph: Graph, node: NodeProto): boolean {
  if (FUSED_ATTENTION.has(node.opType)) return graph.carriesData(node.input[0]!);
  if (!PRODUCTS.has(node.opType) || node.input.some((name) => graph.isConstant(name))) return false;
  const softmax = nearest(graph, node.input[0]!, AFTER_SOFTMAX, SOFTMAX);
  const scores = softmax && nearest(graph, softmax.input[0]!, AFTER_SCORES, PRODUCTS);
  return scores !== undefined && graph.carriesData(scores.input[0]!);
}

/** The initializer that a constant weight is made from. */
function weightName(graph: Graph, name: string): string {
  const inner = graph.maker(name)?.input[0];
  return inner === undefined ? name : weightName(graph, inner);
}

/** The shape of a constant weight as the product sees it, following transposes of initializers. */
export function weightShape(graph: Graph, name: string): number[] | undefined {
  const tensor = graph.initializers.get(name);
  if (tensor !== undefined) return tensorShape(tensor);
  const node = graph.maker(name);
  if (node === undefined || !graph.isConstant(name)) return undefined;
  const inner = node.input[0] === undefined ? undefined : weightShape(graph, node.input[0]);
  return node.opType === 'Transpose' ? inner?.toReversed() : inner;
}

/** Whether a product's only user adds a constant to it: an Add, or onnxruntime's fused residual and normalisation, which may take it in. */
function addsBias(graph: Graph, { opType, input }: NodeProto): boolean {
  if (opType === 'Add') return input.some((name) => graph.isConstant(name));
  return opType === 'SkipLayerNormalization' && input[4] !== undefined && graph.isConstant(input[4]);
}

function linearLayer(graph: Graph, node: NodeProto): TargetLayer | undefined {
  if (node.opType !== 'MatMul' && node.opType !== 'Gemm') return undefined;
  const [input, weight] = [node.input[0]!, node.input[1]!];
  const shape = weightShape(graph, weight);
  if (shape?.length !== 2 || graph.isConstant(input)) return undefined;
  const [rows, columns] = [shape[0]!, shape[1]!];
  const transposed = node.opType === 'Gemm' && intAttribute(node, 'transB', 0) === 1;
  const output = node.output[0]!;
  const [user, ...others] = graph.usersOf(output);
  const added = user !== undefined && others.length === 0 && addsBias(graph, user);
  return {
    node: node.name,
    input,
    output,
    inFeatures: transposed ? columns : rows,
    outFeatures: transposed ? rows : columns,
    bias: added || (node.opType === 'Gemm' && (node.input[2] ?? '') !== ''),
  };
}

export const linearLayers = (graph: Graph): TargetLayer[] =>
  graph.nodes.flatMap((node) => linearLayer(graph, node) ?? []);

/** The output projections of all self-attentions, in the graph's order. */
export const attentionOutputs = (graph: Graph): TargetLayer[] =>
  linearLayers(graph).filter(({ input }) => {
    const source = origin(graph, input, MOVES);
    return source !== undefined && isSelfAttention(graph, source);
  });

/**
 * @param name of the layer's output, its node, or its weight, to take instead of searching
 * @throws {FungiError} TARGET_NOT_FOUND when nothing qualifies, or `name` is not one linear layer of the graph
 */
export function findTarget(graph: Graph, model: string, name?: string): TargetLayer {
  if (name !== undefined) return namedTarget(graph, model, name);
  const layers = attentionOutputs(graph);
  const last = layers.at(-1);
  if (last !== undefined) {
    assertLast(graph, model, last, layers);
    return last;
  }
  throw new FungiError(
    'TARGET_NOT_FOUND',
    `${model}: no self-attention output projection leads to "${graph.outputs.join(', ')}"`,
    {
      hint: `Is this an encoder? Name a linear layer with --target to use another one: ${candidates(graph).slice(-3).join(', ') || 'the graph has none'}.`,
    },
  );
}

/** Behind every other attention, or which one is last is a matter of the order in the file. */
function assertLast(graph: Graph, model: string, last: TargetLayer, layers: readonly TargetLayer[]): void {
  const before = new Set(graph.upstreamOf([last.output]).flatMap(({ output }) => output));
  const beside = layers.filter(({ output }) => !before.has(output));
  if (beside.length === 0) return;
  const outputs = [...beside, last].map(({ output }) => output);
  throw new FungiError(
    'TARGET_NOT_FOUND',
    `${model}: ${outputs.length} self-attentions lead to "${graph.outputs.join(', ')}" side by side, and none is the last`,
    { hint: `Name the one you mean with --target: ${outputs.join(', ')}.`, details: { outputs } },
  );
}

function namedTarget(graph: Graph, model: string, name: string): TargetLayer {
  const nodes = nodesNamed(graph, name);
  const layers = nodes.flatMap((node) => linearLayer(graph, node) ?? []);
  if (layers.length === 1) return layers[0]!;
  if (layers.length > 1) {
    throw new FungiError('TARGET_NOT_FOUND', `${model}: target "${name}" is the name of ${layers.length} layers`, {
      hint: `Name the one you mean by its output: ${layers.map(({ output }) => output).join(', ')}.`,
      details: { outputs: layers.map(({ output }) => output) },
    });
  }
  const reason =
    nodes[0] === undefined
      ? 'is not on the way to the output'
      : `is a ${nodes[0].opType}, not a product with a constant weight`;
  throw new FungiError('TARGET_NOT_FOUND', `${model}: target "${name}" ${reason}`, {
    hint: `Name a MatMul or Gemm node or its weight, such as ${candidates(graph).slice(-3).join(', ')}; or leave the target out.`,
  });
}

/** By output, which is unique; else by name; else by weight. */
function nodesNamed(graph: Graph, name: string): readonly NodeProto[] {
  const maker = graph.maker(name);
  if (maker !== undefined && !graph.isConstant(name)) return [maker];
  const named = graph.nodes.filter((node) => node.name === name && name !== '');
  if (named.length > 0) return named;
  const weighted = graph.nodes.filter((node) => linearLayer(graph, node) && weightName(graph, node.input[1]!) === name);
  return weighted.length > 0 ? weighted : graph.nodes.filter((node) => node.input.includes(name));
}

const candidates = (graph: Graph): string[] =>
  graph.nodes.flatMap((node) =>
    linearLayer(graph, node) === undefined ? [] : [node.name || weightName(graph, node.input[1]!)],
  );
