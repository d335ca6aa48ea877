/**
 * What is drawn once and frozen with an index, so that a query on another day meets the same random heads, negatives and
 * projection: all of it from the index's seed and the pool.
 */
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import { Rng } from '../core/rng.js';
import type { Artefact, GradientEngine } from '../engine/engine.js';
import { matmul } from '../runtime/linalg.js';
import { landmarkProjection } from './landmarks.js';
import { truncated, type LowRank } from './low-rank.js';
import { blockWidths, type FeatureArtefacts } from './frozen.js';
import { norm } from './layout.js';
import { lossOf, negativeViewsOf, viewsOf, type LossSpec, type SimClrSpec } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';
import { encodeDistinct } from './distinct-views.js';
import { windows } from './windows.js';

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
    Object.assign(tensors, head(loss, spec, engine.info.dims));
    if (loss.name === 'simclr')
      tensors['simclr.negatives'] = await negatives(engine, spec, loss, pool, tensors, onProgress);
    Object.assign(tensors, await projection(engine, spec, loss, pool, tensors, onProgress));
  }
  return { tensors, widths: blockWidths(engine, spec, tensors) };
}

/** A frozen linear head, weight and bias from U(±1/√D), as PyTorch's Linear draws them; nothing without a head. */
function head(loss: LossSpec, spec: FeatureSpec, dims: number): Tensors {
  if (loss.head === 'none') return {};
  const bound = 1 / Math.sqrt(dims);
  const draw = (part: string, shape: readonly number[]): Artefact => ({
    data: Rng.stream(spec.seed, loss.name, part).uniform(
      shape.reduce((a, b) => a * b, 1),
      bound,
    ),
    shape,
  });
  return {
    [`${loss.name}.head.weight`]: draw('head.weight', [dims, loss.latent]),
    [`${loss.name}.head.bias`]: draw('head.bias', [loss.latent]),
  };
}

/** Unit-length latents of views of pool items, [L,N] (paper §4.2, Table 24). */
async function negatives(
  engine: GradientEngine,
  spec: FeatureSpec,
  loss: SimClrSpec,
  pool: readonly Item[],
  tensors: Tensors,
  onProgress: OnProgress | undefined,
): Promise<Artefact> {
  const picks = Rng.stream(spec.seed, loss.name, 'negatives').sample(
    pool.length,
    Math.min(loss.negativeItems, pool.length),
  );
  const maker = negativeViewsOf(loss, spec);
  const contents = await engine.open(picks.map((pick) => pool[pick]!));
  const views = contents.flatMap((content) => maker.views(content));
  const encoded = await encodeDistinct(engine, views, (progress) => onProgress?.({ ...progress, stage: 'negatives' }));
  const program = await engine.program({});
  const { pooled } = await program.run(
    encoded.states,
    views.map((view) => [encoded.place(view)]),
  );
  const [N, D] = [views.length, engine.info.dims];
  const latents = await latentsOf(loss.normalise === true ? unitRows(pooled, D) : pooled, tensors, N, D);
  const L = latents.length / N;
  const out = new Float32Array(L * N);
  for (let n = 0; n < N; n++) {
    const z = latents.subarray(n * L, (n + 1) * L);
    const length = norm(z);
    for (let l = 0; l < L; l++) out[l * N + n] = z[l]! / length;
  }
  return { data: out, shape: [L, N] };
}

/** What SimCLR's head makes of features [N,D], [N,L]; the features themselves without a head. */
async function latentsOf(features: Float32Array, tensors: Tensors, N: number, D: number): Promise<Float32Array> {
  const [weight, bias] = [tensors['simclr.head.weight'], tensors['simclr.head.bias']];
  if (weight === undefined || bias === undefined) return features;
  const L = bias.data.length;
  const latents = await matmul(features, weight.data, { m: N, k: D, n: L });
  return latents.map((value, at) => value + bias.data[at % L]!);
}

function unitRows(rows: Float32Array, width: number): Float32Array {
  const out = Float32Array.from(rows);
  for (let at = 0; at < rows.length; at += width) {
    const length = norm(rows.subarray(at, at + width));
    for (let i = 0; i < width; i++) out[at + i]! /= length;
  }
  return out;
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
    const width = kind.width ?? dims;
    const signs = (part: string, rows: number): Artefact => ({
      data: Rng.stream(seed, 'projection', part).signs(rows * width),
      shape: [rows, width],
    });
    const bias = Rng.stream(seed, 'projection', 'bias').signs(width);
    return {
      'projection.left': signs('left', target.outFeatures),
      'projection.right': signs('right', target.inFeatures),
      'projection.bias': { data: target.bias ? bias : new Float32Array(width), shape: [width] },
    };
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
  const loss = lossOf(lossSpec, spec.mode, tensors[`${lossSpec.name}.negatives`]?.shape[1] ?? 0);
  const own = Object.fromEntries(Object.entries(tensors).filter(([name]) => name.startsWith(`${loss.name}.`)));
  const program = await engine.program({ loss, gradient: { kind: 'factors' } }, own);
  const maker = viewsOf(lossSpec, spec);
  const landmarks: LowRank[] = [];
  for (const { start, end } of windows(items, maker.count, engine.info)) {
    const contents = await engine.open(items.slice(start, end));
    const views = contents.map((content) => maker.views(content));
    const encoded = await encodeDistinct(engine, views.flat());
    const { factors } = await program.run(
      encoded.states,
      views.map((own) => own.map((view) => encoded.place(view))),
    );
    for (const gradient of factors) {
      const landmark = truncated(gradient, engine.info.target, rank);
      if (landmark) landmarks.push(landmark);
    }
    onProgress?.({ stage: `${loss.name} landmarks`, done: end, total: items.length, unit: 'rows' });
  }
  return landmarks;
}
