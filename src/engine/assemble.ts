/** Trunk and tail as graphs, from how the model divides and what trying it out has found. */
import type { Encoder } from '../encoders/encoder.js';
import type { Graph } from '../onnx/graph.js';
import type { OnnxModel } from '../onnx/model.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { acquireSession, type SharedSession } from '../runtime/shared-session.js';
import type { Division } from './divide.js';
import type { BoundaryTensor, ImportedEncoder } from './imported-encoder.js';
import { trunkGraph } from './trunk.js';

/** A model as it was read. */
export interface ModelParts {
  readonly model: OnnxModel;
  /** Pruned to the token states. */
  readonly graph: Graph;
  readonly division: Division;
}

/** What only a run tells. */
export interface Findings {
  /** D. */
  readonly dims: number;
  readonly boundary: readonly BoundaryTensor[];
  readonly sliced: boolean;
  /** Why token 0 does not do, where one could have hoped so. */
  readonly unsliced?: string;
}

export function assemble(encoder: Encoder, parts: ModelParts, { dims, boundary, sliced }: Findings): ImportedEncoder {
  const { model, graph, division } = parts;
  const { bytes, inputs } = trunkGraph(model, division.trunk, boundary, sliced);
  return {
    id: encoder.id,
    modelSha256: encoder.modelSha256,
    target: division.target,
    output: graph.outputs[0]!,
    dims,
    boundary,
    sliced,
    trunk: {
      bytes,
      folder: division.trunk.folder,
      inputs: inputs.map(({ name }) => name),
      entangled: division.trunk.entangled,
    },
    tail: division.tail,
  };
}

export function acquireTrunk(
  { id, modelSha256, trunk }: ImportedEncoder,
  options: RuntimeOptions,
): Promise<SharedSession> {
  return acquireSession(trunk.bytes, id, { ...options, folder: trunk.folder, weightsSha256: modelSha256 });
}
