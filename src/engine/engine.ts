/** The gradient engine's interface: encode once, then ask for embeddings and gradients of any loss. */
import type { Content, View } from '../core/content.js';
import type { Item, Modality } from '../core/item.js';
import type { OnProgress } from '../core/progress.js';
import type { Kept, Loss } from '../losses/loss.js';
import type { States } from './states.js';
import type { GradientOutput } from './tail.js';

export interface EngineInfo {
  /** Which implementation computes: onnx, tfjs. */
  readonly engine: string;
  /** What the encoder reads. */
  readonly modality: Modality;
  /** D, width of the embedding. */
  readonly dims: number;
  /** Tensor of the token states, or of f(x) itself. */
  readonly output: string;
  /** The layer's output, which names it, and its O, I and b. */
  readonly target: {
    readonly tensor: string;
    readonly outFeatures: number;
    readonly inFeatures: number;
    readonly bias: boolean;
  };
  /** Whether only the tokens that pooling reads go through the tail. */
  readonly sliced: boolean;
  /** A, most tokens that are kept of an item, where that does not depend on the item's size: of media. */
  readonly tokensPerItem?: number;
  /** T, tokens that the model makes of an item, where that does not depend on the item's size: as many are kept where all are asked for. */
  readonly tokensMade?: number;
  /** Of images: width and height of the encoder's input, in pixels. */
  readonly frame?: { readonly width: number; readonly height: number };
  /** Whether all tokens are kept and each goes through the tail by itself: see {@link eachToken}. */
  readonly tokenwise: boolean;
}

/** A frozen tensor that a program reads: a head, negatives, a projection. */
export interface Artefact {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export type Artefacts = Readonly<Record<string, Artefact>>;

/** What to compute of items. Without a loss only f(x). */
export interface ProgramSpec {
  readonly loss?: Loss;
  readonly gradient?: GradientOutput;
}

/** The terms of one item's gradient G = Σ_r δ_r ⊗ [x_r; 1]; padding is left out. */
export interface Factors {
  /** δ [R,O] */
  readonly delta: Float32Array;
  /** x [R,I] */
  readonly x: Float32Array;
  readonly terms: number;
}

export interface ProgramResult {
  /** f(x) of every view, [B·V,D]. */
  readonly pooled: Float32Array;
  /** [B]; empty without a loss. */
  readonly loss: Float32Array;
  /** Projected gradient [B,M]; empty unless asked for. */
  readonly block: Float32Array;
  /** B entries when factors were asked for, else none. */
  readonly factors: readonly Factors[];
}

export interface Program {
  /**
   * @param states what {@link GradientEngine.encode} returned
   * @param views for each of B items the V places in `states` of its views
   * @throws {FungiError} INVALID_ARGUMENT when a loss is no number, as at a temperature that makes it overflow; RUNTIME_FAILED
   */
  run(states: States, views: readonly (readonly number[])[]): Promise<ProgramResult>;
}

export interface GradientEngine {
  readonly info: EngineInfo;
  /** A key of each item, as the encoder says: see {@link Encoder.identify}. */
  identify(items: readonly Item[]): Promise<readonly string[]>;
  /** What the items are, as the encoder says: see {@link Encoder.open}. */
  open(items: readonly Item[]): Promise<readonly Content[]>;
  /**
   * Runs the trunk once for each view.
   *
   * @param kept 'tokens': states of all tokens, as a loss that needs them does; the other programs read those of pooling from among them.
   *   Of an encoder that is sliced a second trunk is loaded then, the first time @default 'pooled'
   */
  encode(views: readonly View[], onProgress?: OnProgress, kept?: Kept): Promise<States>;
  /**
   * To be asked before a long encoding that gradients are to follow: {@link program} would say so, but only then.
   *
   * @throws {FungiError} OP_UNSUPPORTED when an operator behind the target layer has no derivative rule; embeddings can still be had
   */
  assertDifferentiable(): void;
  /**
   * @param artefacts the loss's, named "<loss>.<artefact>", and the projection's
   * @throws {FungiError} OP_UNSUPPORTED where a gradient cannot be had; MODEL_UNSUPPORTED where a loss needs tokens and the model's do not
   *   go through the tail one by one
   */
  program(spec: ProgramSpec, artefacts?: Artefacts): Promise<Program>;
  close(): Promise<void>;
}
