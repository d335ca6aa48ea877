/** The tensors frozen with an index, and what can be read off them. */
import type { Artefact, GradientEngine } from '../engine/engine.js';
import type { LossSpec } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';

export interface FeatureArtefacts {
  /** By name: "kl.head.weight", "simclr.negatives", "kl.left", … */
  readonly tensors: Readonly<Record<string, Artefact>>;
  /** M of each loss's block. */
  readonly widths: Readonly<Record<string, number>>;
}

/** Of these losses alone: what else they share stays. */
export function artefactsOf({ tensors, widths }: FeatureArtefacts, losses: readonly string[]): FeatureArtefacts {
  const isOwn = (name: string): boolean => losses.includes(name) || (name === 'projection' && losses.length > 0);
  const own = <T>(record: Readonly<Record<string, T>>): Record<string, T> =>
    Object.fromEntries(Object.entries(record).filter(([name]) => isOwn(name.split('.')[0]!)));
  return { tensors: own(tensors), widths: own(widths) };
}

/** Under which name a loss's projection is stored: Nyström landmarks are each loss's own, random directions serve all. */
export const projectionOwner = (spec: FeatureSpec, loss: LossSpec): string =>
  spec.projection.kind === 'nystrom' ? loss.name : 'projection';

/** M of each loss's block, read off the artefacts. */
export function blockWidths(
  engine: GradientEngine,
  spec: FeatureSpec,
  tensors: Readonly<Record<string, Artefact>>,
): Record<string, number> {
  const { projection: kind } = spec;
  const width = (loss: LossSpec): number => {
    if (kind.kind === 'dense') return kind.width ?? engine.info.dims;
    const owner = projectionOwner(spec, loss);
    return tensors[`${owner}.mix`]?.shape[1] ?? tensors[`${owner}.bias`]!.shape[0]!;
  };
  return Object.fromEntries(spec.losses.map((loss) => [loss.name, width(loss)]));
}
