/** Trunk and tail as graphs, from how the model divides and what trying it out has found. */
import type { Encoder } from '../encoders/encoder.js';
import type { Graph } from '../onnx/graph.js';
import type { OnnxModel } from '../onnx/model.js';
import type { RuntimeOptions } from '../runtime/session.js';
import { acquireSession, type SharedSession } from '../runtime/shared-session.js';
import type { Division } from './divide.js';
import type { BoundaryTensor, ImportedEncoder } from './imported-encoder.js';
import { tokensRead } from './pooling.js';
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
  /** Whether the output is one vector an item, [B,D]. */
  readonly vector: boolean;
  /** A of every item, where it is not what the encoder tells. */
  readonly tokens?: number | undefined;
  /** Whether the tokens that pooling reads do for the tail. */
  readonly sliced: boolean;
  /** Why they do not, where one could have hoped so. */
  readonly unsliced?: string | undefined;
}

export function assemble(encoder: Encoder, parts: ModelParts, findings: Findings): ImportedEncoder {
  const { dims, boundary, vector, tokens, sliced } = findings;
  const { model, graph, division } = parts;
  const slice = sliced ? tokensRead(encoder.pooling, vector) : undefined;
  const { bytes, inputs } = trunkGraph(model, division.trunk, boundary, slice);
  return {
    id: encoder.id,
    modality: encoder.modality,
    modelSha256: encoder.modelSha256,
    target: division.target,
    output: graph.outputs[0]!,
    vector,
    dims,
    boundary,
    ...(tokens !== undefined && { tokens }),
    ...(slice !== undefined && { slice }),
    trunk: {
      bytes,
      folder: division.trunk.folder,
      inputs: inputs.map(({ name }) => name),
      alone: division.trunk.entangled || division.trunk.single || encoder.alone === true,
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
