/**
 * What is drawn once and frozen with an index, so that a query on another day meets the same random heads, negatives and
 * projection: all of it from the index's seed and the pool.
 */
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import { Rng } from '../core/rng.js';
import type { Artefact, GradientEngine } from '../engine/engine.js';
import { khatriRaoProjection } from './khatri-rao.js';
import { landmarkProjection } from './landmarks.js';
import { truncated, type LowRank } from './low-rank.js';
import { blockWidths, type FeatureArtefacts } from './frozen.js';
import { heads } from './heads.js';
import { lossOf, viewsOf, type LossSpec } from './loss-spec.js';
import { negatives, prototypes } from './pool-latents.js';
import type { FeatureSpec } from './spec.js';
import { encodeDistinct } from './distinct-views.js';
import { placedViews } from './placed-views.js';
import { keptOf, windows } from './windows.js';

type Tensors = Record<string, Artefact>;

/** @param pool the items that will be indexed: negatives and landmarks are drawn from them */
export async function buildArtefacts(
  engine: GradientEngine,
  spec: FeatureSpec,
  pool: readonly Item[],
  onProgress?: OnProgress,
): Promise<FeatureArtefacts> {
  const tensors: Tensors = {};
  if (spec.losses.length > 0) engine.assertDifferentiable();
  for (const loss of spec.losses) {
    Object.assign(tensors, heads(loss, spec, engine.info));
    const drawing = { engine, spec, pool, tensors, onProgress };
    if (loss.name === 'simclr') tensors['simclr.negatives'] = await negatives(loss, drawing);
    if (loss.name === 'deepcluster') Object.assign(tensors, await prototypes(loss, drawing));
    Object.assign(tensors, await projection(engine, spec, loss, pool, tensors, onProgress));
  }
  return { tensors, widths: blockWidths(engine, spec, tensors) };
}

async function projection(
  engine: GradientEngine,
  spec: FeatureSpec,
  lossSpec: LossSpec,
  pool: readonly Item[],
  tensors: Tensors,
  onProgress: OnProgress | undefined,
): Promise<Tensors> {
  const { projection: kind, seed } = spec;
  const { target, dims } = engine.info;
  if (kind.kind === 'dense') return {}; // drawn tile by tile, never kept
  if (kind.kind === 'khatri-rao') {
    const parts = khatriRaoProjection(seed, target, kind.width ?? dims);
    return Object.fromEntries(Object.entries(parts).map(([part, tensor]) => [`projection.${part}`, tensor]));
  }
  const picks = Rng.stream(seed, lossSpec.name, 'landmarks').sample(pool.length, Math.min(kind.landmarks, pool.length));
  const items = picks.map((pick) => pool[pick]!);
  const landmarks = await lowRankGradients(engine, spec, lossSpec, items, kind.rank, tensors, onProgress);
  const parts = await landmarkProjection(landmarks, target);
  return Object.fromEntries(Object.entries(parts).map(([part, tensor]) => [`${lossSpec.name}.${part}`, tensor]));
}

/** Gradients of the landmark items, window by window: whole ones hold all tokens of all views and are cut to `rank` terms at once. */
async function lowRankGradients(
  engine: GradientEngine,
  spec: FeatureSpec,
  lossSpec: LossSpec,
  items: readonly Item[],
  rank: number,
  tensors: Tensors,
  onProgress: OnProgress | undefined,
): Promise<LowRank[]> {
  const loss = lossOf(lossSpec, spec.mode, tensors, engine.info);
  const own = Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(`${loss.name}.`)));
  const program = await engine.program({ loss, gradient: { kind: 'factors' } }, own);
  const maker = viewsOf(lossSpec, spec, engine.info);
  const kept = loss.needs ?? 'pooled';
  const landmarks: LowRank[] = [];
  for (const { start, end } of windows(items, maker.count, keptOf(engine.info, kept))) {
    const contents = await engine.open(items.slice(start, end));
    const views = contents.map((content) => maker.views(content));
    const encoded = await encodeDistinct(engine, views.flat(), undefined, kept);
    const placed = placedViews(encoded, maker, views);
    const { factors } = await program.run(placed.states, placed.places);
    for (const gradient of factors) {
      const landmark = truncated(gradient, engine.info.target, rank);
      if (landmark) landmarks.push(landmark);
    }
    onProgress?.({ stage: `${loss.name} landmarks`, done: end, total: items.length, unit: 'rows' });
  }
  return landmarks;
}
