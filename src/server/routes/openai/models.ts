import { z } from 'zod';
import type { IndexCatalogue, IndexStatus } from '../../indexes/catalogue.js';
import type { Route } from '../../route.js';
import { codes, OPENING } from '../failures.js';
import { noQuery } from '../fields.js';
import { indexOrNone, noModel } from './model-name.js';

const modelSchema = z.strictObject({
  id: z.string().meta({ examples: ['help-desk'] }),
  object: z.literal('model'),
  created: z.int().meta({ description: 'Unix time of the build, seconds; 0 of an encoder.' }),
  owned_by: z.enum(['fungi-index', 'fungi-encoder']),
});
type Model = z.output<typeof modelSchema>;

const pathSchema = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Name of an index, or an encoder.', examples: ['help-desk'] }),
});

export const listModels: Route = {
  method: 'get',
  path: '/v1/models',
  operationId: 'listModels',
  tag: 'openai',
  summary: 'Lists what /v1/embeddings takes as a model: encoders, and indexes that are ready.',
  scope: 'read',
  errors: 'openai',
  querySchema: noQuery,
  replies: {
    200: {
      description: 'All of them.',
      schema: z.strictObject({ object: z.literal('list'), data: z.array(modelSchema) }),
    },
  },
  failures: ['STORAGE_FAILED'],

  async handle({ context: { catalogue } }) {
    const indexes = (await catalogue.list()).flatMap(modelOf);
    return {
      kind: 'json',
      status: 200,
      body: { object: 'list', data: [...catalogue.encoders.map(encoder), ...indexes] },
    };
  },
};

export const describeModel: Route<z.output<typeof pathSchema>> = {
  method: 'get',
  path: '/v1/models/{id}',
  operationId: 'retrieveModel',
  tag: 'openai',
  summary: 'Tells of one model.',
  scope: 'read',
  errors: 'openai',
  pathSchema,
  querySchema: noQuery,
  replies: { 200: { description: 'It is there.', schema: modelSchema } },
  failures: codes(OPENING, ['MODEL_NOT_FOUND']),

  async handle({ path: { id }, context: { catalogue } }) {
    return { kind: 'json', status: 200, body: await modelNamed(id, catalogue) };
  },
};

async function modelNamed(id: string, catalogue: IndexCatalogue): Promise<Model> {
  if (catalogue.encoders.includes(id)) return encoder(id);
  const [model] = modelOf(await indexOrNone(id, () => catalogue.status(id)));
  if (model === undefined) throw noModel(id);
  return model;
}

const encoder = (id: string): Model => ({ id, object: 'model', created: 0, owned_by: 'fungi-encoder' });

function modelOf(status: IndexStatus): Model[] {
  if (status.state !== 'ready') return [];
  const created = Math.floor(Date.parse(status.manifest.createdAt) / 1000);
  return [{ id: status.name, object: 'model', created, owned_by: 'fungi-index' }];
}
