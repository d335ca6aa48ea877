/** Which layers of a model gradients can be taken of, for a comparison of them. */
import type { Encoder } from '../encoders/encoder.js';
import { findGradientSources, type GradientSource } from '../onnx/gradient-sources.js';
import { Graph } from '../onnx/graph.js';
import { readModel } from '../onnx/model.js';
import { isQuantised } from '../onnx/quantised.js';
import type { ImportOptions } from './import-options.js';
import { findTokenStates } from './token-states.js';

export type { GradientSource };

/**
 * Read off the graph: no weights are loaded, and nothing runs. Each name is a `target` of {@link createEngine}; whether a derivative
 * reaches it is told by `assertDifferentiable` there. Of a quantised model they are the layers of its unquantised file; without one
 * there are none.
 *
 * @returns in the order of the blocks
 * @throws {FungiError} FILE_NOT_FOUND, MODEL_CORRUPT; MODEL_UNSUPPORTED without token states; INVALID_ARGUMENT for an output that is not there
 */
export async function gradientSources(
  { id, modelPath, unquantised }: Pick<Encoder, 'id' | 'modelPath' | 'unquantised'>,
  { output }: Pick<ImportOptions, 'output'> = {},
): Promise<GradientSource[]> {
  const { proto } = await readModel(modelPath);
  const { tensor } = findTokenStates(proto.graph!, id, output);
  const graph = new Graph(proto.graph!, [tensor]);
  if (!isQuantised(graph.nodes)) return findGradientSources(graph);
  if (unquantised === undefined) return [];
  const exact = await readModel(unquantised.modelPath);
  return findGradientSources(new Graph(exact.proto.graph!, [tensor]));
}
