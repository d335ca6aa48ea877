import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import { featureSpec, type FeatureOptions } from '../../../features/spec.js';
import { abortable } from '../../../llm/abort.js';
import { DEFAULT_DIMS } from '../../../selector/options.js';
import { parseReduction } from '../../../selector/reduction.js';
import { distinct } from '../../../selector/rows.js';
import type { BuildRequest, IndexCatalogue } from '../../indexes/catalogue.js';
import type { Route } from '../../route.js';
import { assertClientItems } from '../client-items.js';
import { exampleOf } from '../examples/example-schema.js';
import { codes, ENCODING, WRITING } from '../failures.js';
import { buildSchema } from './build-request.js';
import { describe } from './describe.js';
import { descriptionSchema, summaryOf, summarySchema } from './index-status.js';

const querySchema = z.strictObject({
  wait: z.enum(['true', 'false']).default('false').meta({
    description: 'Whether to reply when the index is there, if that is within the deadline. The build goes on in any case.',
  }),
});
const LOCATION = { Location: 'Path of the index' };
type Body = z.output<typeof buildSchema>;

/** Asks for an admin's key, as deleting does: with `ifExists: 'replace'` it ends what is there, and a build takes long. */
export const createIndex: Route<unknown, z.output<typeof querySchema>, Body> = {
  method: 'post',
  path: '/v1/indexes',
  operationId: 'createIndex',
  tag: 'indexes',
  summary: 'Builds an index of examples.',
  scope: 'admin',
  errors: 'problem',
  querySchema,
  body: { size: 'media', schema: buildSchema },
  replies: {
    201: { description: 'It is built (with wait=true).', schema: descriptionSchema, headers: LOCATION },
    202: { description: 'Its build has begun; Location tells how far it is.', schema: summarySchema, headers: LOCATION },
  },
  failures: codes(ENCODING, WRITING, ['INDEX_EXISTS', 'MODEL_NOT_FOUND', 'NOT_READY', 'INDEX_NOT_FOUND']),

  async handle({ query: { wait }, body, context: { catalogue, signal } }) {
    const { name } = body;
    const { done } = await catalogue.build(await requestOf(body, catalogue));
    const headers = { Location: `/v1/indexes/${name}` };
    if (wait === 'false') {
      return { kind: 'json', status: 202, headers, body: summaryOf(await catalogue.status(name)) };
    }
    const status = await abortable(done, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw error;
    });
    if (status.state === 'failed') throw status.error;
    return { kind: 'json', status: 201, headers, body: await describe(catalogue, name) };
  },
};

/**
 * The encoder is asked what it reads before anything is built: of images and sounds a path would be a file of the server.
 *
 * @throws {FungiError} MODEL_NOT_FOUND for an encoder that the server does not offer; INVALID_ARGUMENT, INVALID_MEDIA, INVALID_TEXT,
 * INVALID_DATA
 */
async function requestOf(body: Body, catalogue: IndexCatalogue): Promise<BuildRequest> {
  const { name, features, dims = DEFAULT_DIMS, reducer, metric, ifExists } = body;
  const [first] = catalogue.encoders;
  const { encoder = first } = body;
  if (encoder === undefined || !catalogue.encoders.includes(encoder)) throw noEncoder(encoder, catalogue.encoders);
  if (catalogue.encoders.includes(name)) {
    throw new FungiError('INVALID_ARGUMENT', `name "${name}" is that of an encoder`, { hint: 'Take another name.' });
  }
  const { modality } = await catalogue.embedder(encoder);
  const examples = distinct(body.examples.map(exampleOf)); // what cannot be stored is refused now, and not by the build
  const inputs = examples.map(({ input }) => input);
  assertClientItems(inputs, modality, (place) => `example ${place}`);
  const options = features as FeatureOptions | undefined;
  if (options !== undefined) featureSpec(options, modality); // a setting that there is not for it is refused now
  if (reducer !== undefined) parseReduction(reducer, { dims, metric });
  return {
    ...{ name, examples, encoder, ifExists },
    ...(options !== undefined && { features: options }),
    ...(body.dims !== undefined && { dims }),
    ...(reducer !== undefined && { reducer }),
    ...(metric !== undefined && { metric }),
  };
}

const noEncoder = (encoder: string | undefined, encoders: readonly string[]): FungiError =>
  new FungiError(
    'MODEL_NOT_FOUND',
    encoder === undefined ? 'the server offers no encoder' : `the server offers no encoder "${encoder.slice(0, 80)}"`,
    {
      hint:
        encoders.length > 0
          ? `There are: ${encoders.join(', ')}.`
          : 'Name the encoders to offer in the configuration of the server.',
    },
  );
