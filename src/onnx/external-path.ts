/** Where external data lie: a model file may name any place, and only those beside or below it are taken. */
import { isAbsolute, join, normalize, sep } from 'node:path';
import { FungiError } from '../core/errors.js';

/** The file's path below `folder`. @throws {FungiError} MODEL_UNSUPPORTED for a place that is not in the folder */
export function externalName(location: string, model: string): string {
  const name = normalize(location);
  if (location !== '' && !location.includes('\0') && !isAbsolute(name) && name !== '..' && !name.startsWith(`..${sep}`))
    return name;
  throw new FungiError(
    'MODEL_UNSUPPORTED',
    `${model}: its weights are in ${JSON.stringify(location)}, which is not a file beside it`,
    {
      hint: 'Save it again with the data beside the graph: `onnx.save_model(model, path, save_as_external_data=True, location="model.onnx_data")`.',
      details: { model, location },
    },
  );
}

/** @throws {FungiError} MODEL_UNSUPPORTED */
export const externalPath = (folder: string, location: string, model: string): string =>
  join(folder, externalName(location, model));
