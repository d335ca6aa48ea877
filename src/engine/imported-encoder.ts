/** An encoder's graph in two: what importEncoder makes and the engine runs. */
import type { Modality } from '../core/item.js';
import type { Subgraph } from '../onnx/single-precision.js';
import type { TargetLayer } from '../onnx/target.js';

/** A tensor that crosses from trunk to tail, one row a token. */
export interface BoundaryTensor {
  readonly name: string;
  readonly width: number;
  /** As the encoder computes it; the trunk hands over float32. */
  readonly type: 'float32' | 'float16';
}

/** From the encoder's inputs to the boundary. */
export interface Trunk {
  /** Serialised. */
  readonly bytes: Uint8Array;
  /** Where its weights lie: the model's folder, or a folder of the cache that holds int8 weights beside links to it. */
  readonly folder: string;
  /** Inputs that it takes. */
  readonly inputs: readonly string[];
  /** Whether each item runs alone: rows would change each other's numbers, or the file takes one. */
  readonly alone: boolean;
}

/** From the boundary to the token states, in float32. */
export interface TailSource extends Subgraph {
  readonly folder: string;
  readonly opset: number;
  /** Whether it reads the attention mask. */
  readonly masked: boolean;
  /** Whether an attention follows the target layer: the output at one token then depends on all of them. */
  readonly attends: boolean;
  /** Why no derivative goes through it, where that is known beforehand. */
  readonly undifferentiable?: { readonly reason: string; readonly hint: string };
}

export interface ImportedEncoder {
  readonly id: string;
  readonly modality: Modality;
  /** sha256 of the model; '' where it is not known. */
  readonly modelSha256: string;
  readonly target: TargetLayer;
  /** Tensor of the token states [B,T,D], or of f(x) itself [B,D]. */
  readonly output: string;
  /** Whether `output` is [B,D]. */
  readonly vector: boolean;
  /** D. */
  readonly dims: number;
  readonly boundary: readonly BoundaryTensor[];
  /** A of every item, where the model makes another number of tokens than the encoder tells. */
  readonly tokens?: number;
  /** How many of the first tokens trunk outputs and tail hold; absent where they hold all. */
  readonly slice?: number;
  readonly trunk: Trunk;
  readonly tail: TailSource;
}

/** Name of the trunk's output for a boundary tensor. */
export const trunkOutput = (tensor: string): string => `${tensor}/out`;
