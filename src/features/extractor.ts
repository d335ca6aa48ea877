/**
 * FUNGI features (paper §4.1, Algorithm 1): the frozen encoder's embedding joined with gradients of self-supervised losses.
 *
 * For each item: its views go through the encoder; a frozen random head and a loss turn their embeddings into one number; the
 * gradient of that number with respect to the target layer's weight and bias is projected to M dimensions; gradients and
 * embedding, each at unit length, are joined. PCA follows, once the pool's features are known (src/reduce).
 *
 * Axes: B items, V views, D embedding width, M projected width, F = D + Σ M.
 */
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { GradientEngine, Program } from '../engine/engine.js';
import { selfView, type ViewMaker } from '../views/view.js';
import type { FeatureArtefacts } from './frozen.js';
import { featureLayout, placeBlock, type FeatureLayout } from './layout.js';
import { gradientStep, type GradientStep } from './gradient-step.js';
import { viewsOf, type FeatureSpec } from './spec.js';
import { encodeDistinct, type EncodedStrings } from './strings.js';

export interface Features {
  /** [B,F] */
  readonly rows: Float32Array;
  /** Items whose end did not fit the encoder. */
  readonly truncated: readonly boolean[];
}

interface LossStep {
  readonly name: string;
  readonly maker: ViewMaker;
  /** Views' states → head, loss, gradient, projection → block [B,M]. */
  readonly gradient: GradientStep;
}

export class FeatureExtractor {
  private constructor(
    readonly spec: FeatureSpec,
    readonly layout: FeatureLayout,
    private readonly engine: GradientEngine,
    private readonly steps: readonly LossStep[],
    private readonly embed: Program,
  ) {}

  /** @param artefacts the heads, negatives and projection frozen with the index (see buildArtefacts) */
  static async create(
    engine: GradientEngine,
    spec: FeatureSpec,
    artefacts: FeatureArtefacts,
  ): Promise<FeatureExtractor> {
    const steps: LossStep[] = [];
    for (const loss of spec.losses) {
      const gradient = await gradientStep(engine, spec, loss, artefacts);
      steps.push({ name: loss.name, maker: viewsOf(loss, spec), gradient });
    }
    const layout = featureLayout(spec, engine.info.dims, artefacts.widths);
    return new FeatureExtractor(spec, layout, engine, steps, await engine.program({}));
  }

  /** Features of a window of items; memory grows with its views' tokens, so long lists come in windows. */
  async extract(items: readonly Item[], onProgress?: OnProgress): Promise<Features> {
    const encoded = await encodeDistinct(this.engine, this.strings(items), onProgress);
    return this.features(encoded, items);
  }

  /** Strings that one item's features are computed from: itself and its views. */
  get stringsPerItem(): number {
    return this.steps.reduce((sum, { maker }) => sum + maker.count, 1);
  }

  /** Every string that the features of `items` are computed from. */
  *strings(items: readonly Item[]): Iterable<Item> {
    for (const item of items) {
      yield item;
      for (const { maker } of this.steps) yield* maker.views(item);
    }
  }

  /** Features from encoded strings: several extractors over one encoder share one encoding. */
  async features(encoded: EncodedStrings, items: readonly Item[]): Promise<Features> {
    const rows = new Float32Array(items.length * this.layout.width);
    let embedding: Float32Array | undefined;
    for (const { name, maker, gradient } of this.steps) {
      const { block, pooled } = await gradient(
        encoded,
        items.map((item) => maker.views(item)),
      );
      placeBlock(rows, this.layout, name, block); // at unit length
      if (maker === selfView) embedding = pooled; // the item itself was the view: its f(x) is already there
    }
    const places = items.map((item) => [encoded.place(item)]);
    embedding ??= (await this.embed.run(encoded.states, places)).pooled;
    placeBlock(rows, this.layout, 'embedding', embedding);
    return { rows, truncated: places.map(([place]) => encoded.states.truncated[place!] === 1) };
  }
}
