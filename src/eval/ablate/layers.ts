/** Layers as levels: `all`, `attention` and `mlp` stand for many, `11.mlp` for the second layer of block 11's MLP. */
import { FungiError } from '../../core/errors.js';
import type { GradientSource } from '../../engine/gradient-sources.js';
import type { Factor, Values } from './factors.js';

/** A layer whose gradient can be taken, by a name short enough for a table. */
export interface NamedLayer {
  readonly name: string;
  /** Its output, which the engine takes as `target`. */
  readonly tensor: string;
}

const KINDS = { attention: 'attention-output', mlp: 'mlp-output' } as const;

/** Block and kind, or the tensor where a block has several of a kind. */
export function namedLayers(sources: readonly GradientSource[]): NamedLayer[] {
  const short = ({ block, kind }: GradientSource): string => `${block}.${kind === KINDS.mlp ? 'mlp' : 'attention'}`;
  const names = sources.map(short);
  const isUnique = (name: string): boolean => names.filter((other) => other === name).length === 1;
  return sources.map((source, i) => ({ name: isUnique(names[i]!) ? names[i]! : source.name, tensor: source.name }));
}

/** The name of a tensor's layer; the tensor itself where it is none of them. */
export const layerName = (tensor: string, layers: readonly NamedLayer[]): string =>
  layers.find((layer) => layer.tensor === tensor)?.name ?? tensor;

/** The tensor of a name. */
export const layerTensor = (name: string, layers: readonly NamedLayer[]): string =>
  layers.find((layer) => layer.name === name)?.tensor ?? name;

/**
 * `factor` with each of its levels spelled out; others than `layer` stay as they are.
 *
 * @throws {FungiError} TARGET_NOT_FOUND for a layer that is none of `sources`, or where there are none; INVALID_ARGUMENT for one named twice
 */
export function withLayers(factor: Factor, sources: readonly GradientSource[]): Factor {
  if (factor.name !== 'layer') return factor;
  const layers = namedLayers(sources);
  const levels = factor.levels.flatMap((level) => resolve(level, sources, layers));
  const twice = levels.find((level, i) => levels.indexOf(level) < i);
  if (twice !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', `levels of layer: "${twice}" is given twice`, { hint: 'Name each once.' });
  }
  return { name: 'layer', levels };
}

/**
 * `values` with the layer, where there is one, by its short name.
 *
 * @throws {FungiError} TARGET_NOT_FOUND as {@link withLayers}; INVALID_ARGUMENT for what stands for several
 */
export function withOneLayer(values: Values, sources: readonly GradientSource[]): Values {
  if (values.layer === undefined) return values;
  const [layer, ...others] = resolve(values.layer, sources, namedLayers(sources));
  if (others.length === 0) return { ...values, layer: layer! };
  throw new FungiError(
    'INVALID_ARGUMENT',
    `layer=${values.layer} stands for ${others.length + 1} layers, and one is to be the same at all levels`,
    {
      hint: `Give one of them, e.g. --with layer=${layer!}.`,
    },
  );
}

function resolve(level: string, sources: readonly GradientSource[], layers: readonly NamedLayer[]): string[] {
  const kind = level === 'attention' || level === 'mlp' ? KINDS[level] : undefined;
  const named = layers.filter(
    ({ name, tensor }, i) => level === 'all' || sources[i]!.kind === kind || level === name || level === tensor,
  );
  if (named.length > 0) return named.map(({ name }) => name);
  const range = layers.length === 0 ? 'none' : `${layers[0]!.name} to ${layers.at(-1)!.name}`;
  throw new FungiError('TARGET_NOT_FOUND', `the model has no layer "${level}" that gradients are compared of`, {
    hint: `There are ${range}; \`fungi models inspect --json\` lists their tensors.`,
  });
}
