/** Models of the OpenAI routes: the server's encoders, and its indexes by name. */
import { FungiError } from '../../../core/errors.js';
import { indexName } from '../fields.js';

export const noModel = (model: string): FungiError =>
  new FungiError('MODEL_NOT_FOUND', `there is no model "${model.slice(0, 80)}"`, {
    hint: 'A model is the name of an index, or one of the encoders of the server: GET /v1/models lists them.',
    details: { faults: [{ pointer: '#/model', detail: 'there is none of this name' }] },
  });

/** What `work` gives for the index of this name. @throws {FungiError} MODEL_NOT_FOUND where there is none */
export async function indexOrNone<T>(model: string, work: () => Promise<T>): Promise<T> {
  if (!indexName.safeParse(model).success) throw noModel(model);
  try {
    return await work();
  } catch (error) {
    throw FungiError.is(error, 'INDEX_NOT_FOUND') ? noModel(model) : error;
  }
}
