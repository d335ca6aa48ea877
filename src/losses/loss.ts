/**
 * A self-supervised loss is a forward graph: from an item's features to one number. Its derivative is derived, not written.
 *
 * Contract: the loss of an item depends on no other item of the batch (never averaged over B), and everything random in it (head,
 * negatives, prototypes) is an artefact, drawn once and frozen.
 */
import type { GraphBuilder } from '../onnx/builder.js';

/**
 * Where the paper (§4.2, equations 5 and 6) and its released code differ, `paper` is the former and `reference` the latter:
 * the direction of KL, and what InfoNCE's temperature divides. DINO and DeepCluster have no modes.
 */
export type Mode = 'paper' | 'reference';

/** States of which tokens: those that f(x) is made of, or all. */
export type Kept = 'pooled' | 'tokens';

/** Shapes of the frozen tensors that a loss reads, by name. */
export type ArtefactShapes = Readonly<Record<string, readonly number[]>>;

export interface Loss {
  readonly name: string;
  /** V: how many views of an item the loss compares. */
  readonly views: number;
  /**
   * What a view is: f(x) of a look at the item, or the last state of one token of such a look, whatever the pooling. Of the latter the
   * engine has to keep all tokens (`GradientEngine.encode`), and is given each as an item of its own (`eachToken`). @default 'pooled'
   */
  readonly needs?: Kept;
  /** @param dims D, the features' width */
  artefacts(dims: number): ArtefactShapes;
  /**
   * Writes the loss.
   *
   * @param features f(x), or states of tokens, [B,V,D], not normalised
   * @param artefacts tensor name of each artefact
   * @returns the loss [B]
   */
  write(g: GraphBuilder, features: string, artefacts: Readonly<Record<string, string>>): string;
}
