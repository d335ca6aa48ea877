/**
 * The files that hold a graph's weights.
 *
 * Their names say nothing: exporters write model.onnx_data, model.onnx.data, or whatever they were told. Only the graph is right.
 */
import { FungiError } from '../../core/errors.js';
import { externalLocations } from '../../onnx/external-data.js';
import { isPlainPath } from './plain-path.js';

/**
 * Names of the files of the graph's external data, each once and sorted: they lie beside the graph.
 *
 * @throws {FungiError} MODEL_CORRUPT when the file is no whole ONNX graph; MODEL_UNSUPPORTED when a tensor names a place that is
 *   not in the graph's own folder
 */
export function externalDataFiles(graph: string): string[] {
  return [...new Set(externalLocations(graph).map((location) => fileName(location, graph)))].sort();
}

function fileName(location: string, graph: string): string {
  const name = location.replace(/^(?:\.\/)+/, '');
  if (isPlainPath(name) && !name.includes('/')) return name;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${graph}: its weights are in ${JSON.stringify(location)}, which is not the plain name of a file beside it`,
    {
      hint: 'Save it again with the data beside the graph: `onnx.save_model(model, path, save_as_external_data=True, location="model.onnx_data")`.',
      details: { path: graph, location },
    },
  );
}
