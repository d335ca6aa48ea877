/** Frozen artefacts that are made of the pool's own latents: SimCLR's negatives and DeepCluster's prototypes. */
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import { Rng } from '../core/rng.js';
import type { Artefact, GradientEngine } from '../engine/engine.js';
import { prototypesName } from '../losses/deepcluster.js';
import { findPrototypes } from '../losses/prototypes.js';
import { matmul } from '../runtime/linalg.js';
import type { ViewMaker } from '../views/view.js';
import { encodeDistinct } from './distinct-views.js';
import { norm } from './layout.js';
import { negativeViewsOf, viewsOf, type DeepClusterSpec, type SimClrSpec } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';
import { windows } from './windows.js';

/** What a draw from the pool works with. */
export interface PoolDrawing {
  readonly engine: GradientEngine;
  readonly spec: FeatureSpec;
  readonly pool: readonly Item[];
  /** The loss's heads. */
  readonly tensors: Readonly<Record<string, Artefact>>;
  readonly onProgress: OnProgress | undefined;
}

/** Unit-length latents of views of pool items, [L,N] (paper §4.2, Table 24). */
export async function negatives(loss: SimClrSpec, drawing: PoolDrawing): Promise<Artefact> {
  const { engine, spec, pool, tensors } = drawing;
  const picks = Rng.stream(spec.seed, loss.name, 'negatives').sample(
    pool.length,
    Math.min(loss.negativeItems, pool.length),
  );
  const items = picks.map((pick) => pool[pick]!);
  const pooled = await pooledViews(items, negativeViewsOf(loss, spec), 'negatives', drawing);
  const D = engine.info.dims;
  const N = pooled.length / D;
  const features = loss.normalise === true ? unitRows(pooled, D) : pooled;
  const latents = await latentsOf(features, loss.name, tensors, D);
  const L = latents.length / N;
  const out = new Float32Array(L * N);
  for (let n = 0; n < N; n++) {
    const z = latents.subarray(n * L, (n + 1) * L);
    const length = norm(z);
    for (let l = 0; l < L; l++) out[l * N + n] = z[l]! / length;
  }
  return { data: out, shape: [L, N] };
}

/** DeepCluster's sets of prototypes, each [L,K]; no more of them than the pool has items. */
export async function prototypes(loss: DeepClusterSpec, drawing: PoolDrawing): Promise<Record<string, Artefact>> {
  const { engine, spec, pool, tensors } = drawing;
  const { globals, latent, sets } = loss;
  const D = engine.info.dims;
  // The first crops are the global ones, and stay what they are without the others.
  const pooled = await pooledViews(pool, viewsOf({ ...loss, locals: 0 }, spec, engine.info), 'prototypes', drawing);
  const latents = unitRows(await latentsOf(pooled, loss.name, tensors, D), latent);
  const count = Math.min(loss.prototypes, pool.length);
  const rng = Rng.stream(spec.seed, loss.name, 'prototypes');
  const found = findPrototypes(rng, latents, { latent, globals, sets, prototypes: count });
  return Object.fromEntries(
    found.map((data, set) => [`${loss.name}.${prototypesName(set)}`, { data, shape: [latent, count] }]),
  );
}

/** f(x) of the views of items, [n·V,D]; a window of views is held at a time. */
async function pooledViews(
  items: readonly Item[],
  maker: ViewMaker,
  stage: string,
  { engine, onProgress }: PoolDrawing,
): Promise<Float32Array> {
  const program = await engine.program({});
  const { dims } = engine.info;
  const out = new Float32Array(items.length * maker.count * dims);
  for (const { start, end } of windows(items, maker.count, engine.info)) {
    const contents = await engine.open(items.slice(start, end));
    const views = contents.flatMap((content) => maker.views(content));
    const before = start * maker.count;
    const encoded = await encodeDistinct(engine, views, ({ done, total, unit }) => {
      const share = Math.floor((views.length * done) / total);
      onProgress?.({ stage, done: before + share, total: items.length * maker.count, unit });
    });
    const { pooled } = await program.run(
      encoded.states,
      views.map((view) => [encoded.place(view)]),
    );
    out.set(pooled, before * dims);
  }
  return out;
}

/** What a loss's head makes of features [N,D], [N,L]; the features themselves without a head. */
async function latentsOf(
  features: Float32Array,
  loss: string,
  tensors: PoolDrawing['tensors'],
  D: number,
): Promise<Float32Array> {
  const [weight, bias] = [tensors[`${loss}.head.weight`], tensors[`${loss}.head.bias`]];
  if (weight === undefined) return features;
  const L = weight.shape[1]!;
  const latents = await matmul(features, weight.data, { m: features.length / D, k: D, n: L });
  return bias === undefined ? latents : latents.map((value, at) => value + bias.data[at % L]!);
}

function unitRows(rows: Float32Array, width: number): Float32Array {
  const out = Float32Array.from(rows);
  for (let at = 0; at < rows.length; at += width) {
    const length = norm(rows.subarray(at, at + width)) || 1;
    for (let i = 0; i < width; i++) out[at + i]! /= length;
  }
  return out;
}
