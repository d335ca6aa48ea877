/** An encoder's graph in two: what importEncoder makes and the engine runs. */
import type { NodeProto, TensorProto } from '../onnx/proto/onnx_pb.js';
import type { TargetLayer } from '../onnx/target.js';

export interface ImportedEncoder {
  readonly id: string;
  readonly opset: number;
  /** Folder of the model file: the weights of every graph below stay there. */
  readonly folder: string;
  readonly target: TargetLayer;
  /** Tensor of the token states [B,T,D]. */
  readonly output: string;
  /** D. */
  readonly dims: number;
  /** Inputs that the trunk takes. */
  readonly inputs: readonly string[];
  readonly boundary: readonly { readonly name: string; readonly width: number }[];
  /** Whether trunk outputs and tail hold token 0 alone. */
  readonly sliced: boolean;
  /** Serialised trunk: inputs → boundary. */
  readonly trunk: Uint8Array;
  readonly tail: { readonly nodes: readonly NodeProto[]; readonly initializers: ReadonlyMap<string, TensorProto> };
}

/** Name of the trunk's output for a boundary tensor. */
export const trunkOutput = (tensor: string): string => `${tensor}/out`;
