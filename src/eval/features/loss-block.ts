/** The gradient block of one loss in its file, and what makes the texts that the file lacks. */
import { FungiError } from '../../core/errors.js';
import { fingerprint, fingerprintLines, type Json } from '../../core/fingerprint.js';
import type { Item } from '../../core/item.js';
import type { OnProgress } from '../../core/progress.js';
import type { GradientEngine } from '../../engine/engine.js';
import { buildArtefacts } from '../../features/artefacts.js';
import { FeatureExtractor } from '../../features/extractor.js';
import type { FeatureArtefacts } from '../../features/frozen.js';
import { viewsOf, type LossOptions } from '../../features/loss-spec.js';
import { featureSpec, type FeatureOptions, type FeatureSpec } from '../../features/spec.js';
import type { ViewMaker } from '../../views/view.js';
import type { BlockFile } from './block-file.js';
import type { BlockFiles } from './feature-cache.js';
import type { LossName } from './feature-sets.js';

/** A loss as a caller writes it: everything but its name has the paper's default. */
export type LossInput = LossOptions;

/** What features are made with. */
export interface Frozen {
  readonly spec: FeatureSpec;
  readonly artefacts: FeatureArtefacts;
}

export interface LossBlockOptions {
  readonly loss: LossInput;
  readonly settings: Omit<FeatureOptions, 'losses' | 'seed'> | undefined;
  readonly seed: number;
  /** Whose blocks there are to be, and those of the test rows. */
  readonly pool: readonly Item[];
  /** What negatives, prototypes and landmarks are drawn from. */
  readonly drawnFrom: readonly Item[];
  readonly test: readonly Item[];
  /** What tells items apart. */
  readonly keyOf: (item: Item) => string;
  readonly onProgress: OnProgress | undefined;
}

/** Of these another block of the same pass may know nothing. */
const OWN_FAILURES = ['INVALID_ARGUMENT', 'INVALID_VECTOR', 'OP_UNSUPPORTED', 'RUNTIME_FAILED'] as const;

/** The gradient block of one loss, whose head, negatives and landmarks are drawn from the same items. */
export class LossBlock {
  /** What keeps the block from being made. */
  failure: FungiError | undefined;
  private made: Promise<Frozen> | undefined;
  private ready: FeatureExtractor | undefined;
  private readonly wanted = new Set<Item>();

  private constructor(
    readonly file: BlockFile,
    private readonly engine: GradientEngine,
    private readonly spec: FeatureSpec,
    private readonly options: LossBlockOptions,
  ) {}

  /** @param known blocks of this pass by their settings: the same one is not made twice */
  static async open(
    engine: GradientEngine,
    files: BlockFiles,
    options: LossBlockOptions,
    known: Map<string, LossBlock>,
  ): Promise<LossBlock> {
    const { loss: input, settings, seed, pool, test, drawnFrom, keyOf } = options;
    const spec = featureSpec({ ...settings, losses: [input], seed }, engine.info.modality);
    const [loss] = spec.losses;
    // Weights are applied when rows are joined.
    const settled = { ...spec, embeddingWeight: 1, losses: [{ ...loss!, weight: 1 }] };
    const deciding = {
      block: input.name,
      spec: settled as unknown as Json,
      pool: fingerprintLines(drawnFrom.map(keyOf)),
    };
    const key = fingerprint(deciding);
    const block = known.get(key) ?? new LossBlock(await files.of(deciding), engine, settled, options);
    known.set(key, block);
    // Pools that draw from the same items share it.
    for (const item of [...pool, ...test]) block.wanted.add(item);
    return block;
  }

  get name(): LossName {
    return this.options.loss.name;
  }

  /** Makes an item's views. */
  get maker(): ViewMaker {
    return viewsOf(this.spec.losses[0]!, this.spec, this.engine.info);
  }

  /** Whether an item's block is needed, and not there. */
  lacks(item: Item): boolean {
    return this.wanted.has(item) && !this.file.has(item);
  }

  frozen(): Promise<Frozen> {
    const { drawnFrom, onProgress } = this.options;
    this.made ??= buildArtefacts(this.engine, this.spec, drawnFrom, onProgress).then((artefacts) => ({
      spec: this.spec,
      artefacts,
    }));
    return this.made;
  }

  async prepare(): Promise<void> {
    const { spec, artefacts } = await this.frozen();
    this.ready = await FeatureExtractor.create(this.engine, spec, artefacts);
  }

  /** Once {@link prepare}d. */
  get extractor(): FeatureExtractor {
    return this.ready!;
  }

  async append(items: readonly Item[], rows: Float32Array, truncated: readonly boolean[]): Promise<void> {
    await this.file.append(items, columns(rows, this.extractor, this.name), truncated);
  }

  /** Runs a step of the work; what fails of this block alone is kept as its {@link failure}. */
  async attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!OWN_FAILURES.some((code) => FungiError.is(error, code))) throw error;
      this.failure = error as FungiError;
    }
  }
}

/** The columns of one block, [n,F] → [n,M]. */
function columns(rows: Float32Array, { layout }: FeatureExtractor, name: string): Float32Array {
  const { start, width } = layout.blocks.find((block) => block.name === name)!;
  const count = rows.length / layout.width;
  const out = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const from = row * layout.width + start;
    out.set(rows.subarray(from, from + width), row * width);
  }
  return out;
}
