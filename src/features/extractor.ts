/**
 * FUNGI features (paper §4.1, Algorithm 1): the frozen encoder's embedding joined with gradients of self-supervised losses.
 *
 * For each item: its views go through the encoder; a frozen random head and a loss turn their embeddings into one number; the
 * gradient of that number with respect to the target layer's weight and bias is projected to M dimensions; gradients and
 * embedding, each at unit length, are joined. PCA follows, once the pool's features are known (src/reduce).
 *
 * Axes: B items, V views, D embedding width, M projected width, F = D + Σ M.
 */
import type { Content, View } from '../core/content.js';
import type { Item } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { EngineInfo, GradientEngine, Program } from '../engine/engine.js';
import type { Kept } from '../losses/loss.js';
import { selfView, type ViewMaker } from '../views/view.js';
import type { FeatureArtefacts } from './frozen.js';
import { featureLayout, placeBlock, type FeatureLayout } from './layout.js';
import { gradientStep, type GradientStep } from './gradient-step.js';
import { viewsOf } from './loss-spec.js';
import type { FeatureSpec } from './spec.js';
import { encodeDistinct, type EncodedViews } from './distinct-views.js';
import { keptOf } from './windows.js';

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
      steps.push({ name: loss.name, maker: viewsOf(loss, spec, engine.info), gradient });
    }
    const layout = featureLayout(spec, engine.info.dims, artefacts.widths);
    return new FeatureExtractor(spec, layout, engine, steps, await engine.program({}));
  }

  /** Of some of its losses, and the embedding: columns of the rows that it would give. */
  restrictedTo(losses: readonly string[]): FeatureExtractor {
    const isKept = ({ name }: { readonly name: string }): boolean => losses.includes(name);
    const { engine, steps, embed, layout } = this;
    const spec = { ...this.spec, losses: this.spec.losses.filter(isKept) };
    const widths = Object.fromEntries(layout.blocks.map(({ name, width }) => [name, width]));
    return new FeatureExtractor(
      ...([spec, featureLayout(spec, engine.info.dims, widths), engine, steps.filter(isKept), embed] as const),
    );
  }

  /** What bounds a window of items. */
  get window(): Pick<EngineInfo, 'tokensPerItem'> {
    return keptOf(this.engine.info, this.kept);
  }

  /** Which tokens' states its losses need. */
  get kept(): Kept {
    return this.steps.some(({ maker }) => maker.tokens !== undefined) ? 'tokens' : 'pooled';
  }

  /** Features of a window of items; memory grows with its views' tokens, so long lists come in windows. */
  async extract(items: readonly Item[], onProgress?: OnProgress): Promise<Features> {
    const contents = await this.engine.open(items);
    const encoded = await encodeDistinct(this.engine, this.views(contents), onProgress, this.kept);
    return this.features(encoded, contents);
  }

  /** Views that one item's features are computed from: itself, and those that the losses compare. */
  get viewsPerItem(): number {
    return this.steps.reduce((sum, { maker }) => sum + maker.count, 1);
  }

  /** Every view that the features of `contents` are computed from. */
  *views(contents: readonly Content[]): Iterable<View> {
    for (const content of contents) {
      yield content;
      for (const { maker } of this.steps) yield* maker.views(content);
    }
  }

  /** Features from encoded views: several extractors over one encoder share one encoding. */
  async features(encoded: EncodedViews, contents: readonly Content[]): Promise<Features> {
    const rows = new Float32Array(contents.length * this.layout.width);
    let embedding: Float32Array | undefined;
    for (const { name, maker, gradient } of this.steps) {
      const { block, pooled } = await gradient(
        encoded,
        contents.map((content) => maker.views(content)),
      );
      placeBlock(rows, this.layout, name, block); // at unit length
      if (maker === selfView) embedding = pooled; // the item itself was the view: its f(x) is already there
    }
    const places = contents.map((content) => [encoded.place(content)]);
    embedding ??= (await this.embed.run(encoded.states, places)).pooled;
    placeBlock(rows, this.layout, 'embedding', embedding);
    return { rows, truncated: places.map(([place]) => encoded.states.truncated[place!] === 1) };
  }
}
