/**
 * The layers whose gradients the paper compares (§5.4, Figure 8): of every block the output projection of its self-attention and the
 * second linear layer of its MLP. By structure, as the target is found.
 */
import type { Graph } from './graph.js';
import { attentionOutputs, linearLayers, MOVES, type TargetLayer } from './target.js';

export interface GradientSource {
  /** The layer's output, which tells it from the others: what `target` takes. */
  readonly name: string;
  /** Counted from 0, at the input. */
  readonly block: number;
  readonly kind: 'attention-output' | 'mlp-output';
  /** I and O of the weight O×I. */
  readonly inFeatures: number;
  readonly outFeatures: number;
}

/** What may stand between the linear layers of an MLP: activations, whole or in parts, gates, and what splits a fused gate. */
const WITHIN_MLP: ReadonlySet<string> = new Set([
  ...MOVES,
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Neg', 'Exp', 'Split', 'Slice', 'Min', 'Max', 'Clip'],
  ...[
    'Erf',
    'Gelu',
    'Tanh',
    'Relu',
    'Sigmoid',
    'Elu',
    'Selu',
    'LeakyRelu',
    'HardSigmoid',
    'HardSwish',
    'Softplus',
    'Mish',
  ],
  ...['BiasGelu', 'FastGelu', 'QuickGelu', 'BiasSplitGelu'],
]);
/** Of those, the ones that bend nothing, and the ones that do not when one operand is constant. */
const LINEAR: ReadonlySet<string> = new Set([...MOVES, 'Split', 'Slice', 'Neg']);
const AFFINE: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div']);

/**
 * In the graph's order, so that a walk through the list goes from the first block to the last. Where a block has several MLPs one after
 * the other (MobileBERT), all are listed with its number; MLPs before the first attention are none of any block.
 *
 * @param graph pruned to the token states
 */
export function findGradientSources(graph: Graph): GradientSource[] {
  const attentions = new Set(attentionOutputs(graph).map(({ output }) => output));
  const source = (layer: TargetLayer): GradientSource[] => {
    const { output: name, inFeatures, outFeatures } = layer;
    const isAttention = attentions.has(name);
    if (!isAttention && !isMlpOutput(graph, layer)) return [];
    const before = graph.upstreamOf([layer.input]).flatMap(({ output }) => output);
    const block = before.filter((output) => attentions.has(output)).length - (isAttention ? 0 : 1);
    if (block < 0) return [];
    return [{ name, block, kind: isAttention ? 'attention-output' : 'mlp-output', inFeatures, outFeatures }];
  };
  return linearLayers(graph).flatMap(source);
}

/** Whether a layer's input is made of other linear layers' outputs through an activation, with no residual or normalisation between. */
function isMlpOutput(graph: Graph, { input }: TargetLayer): boolean {
  const linear = new Set(linearLayers(graph).map(({ output }) => output));
  let bent = false;
  /** The linear layers that `tensor` is made of, or undefined where the way to them leads out of the MLP. */
  const roots = (tensor: string): ReadonlySet<string> | undefined => {
    if (linear.has(tensor)) return new Set([tensor]);
    const node = graph.maker(tensor);
    if (node === undefined || !WITHIN_MLP.has(node.opType)) return undefined;
    const data = node.input.filter((name) => graph.carriesData(name));
    const parts = data.map(roots);
    if (!parts.every((part) => part !== undefined)) return undefined;
    // A gate multiplies what two layers made. What adds them is a residual.
    const [first, ...others] = parts;
    const isSum = node.opType === 'Add' || node.opType === 'Sub';
    if (isSum && others.some((part) => [...part].sort().join('\n') !== [...first!].sort().join('\n'))) return undefined;
    bent ||= !(LINEAR.has(node.opType) || (AFFINE.has(node.opType) && data.length === 1));
    return new Set(parts.flatMap((part) => [...part]));
  };
  return !linear.has(input) && roots(input) !== undefined && bent;
}
