import type { IndexCatalogue } from '../../indexes/catalogue.js';
import type { Route } from '../../route.js';
import { codes, OPENING } from '../failures.js';
import { indexPath, noQuery, type IndexPath } from '../fields.js';
import { descriptionSchema, detailsOf, summaryOf } from './index-status.js';

export const describeIndex: Route<IndexPath> = {
  method: 'get',
  path: '/v1/indexes/{name}',
  operationId: 'describeIndex',
  tag: 'indexes',
  summary: 'Tells what an index is made of, or how far its build is.',
  scope: 'read',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  replies: { 200: { description: 'As it stands now.', schema: descriptionSchema } },
  failures: codes(OPENING),

  async handle({ path: { name }, context: { catalogue } }) {
    return { kind: 'json', status: 200, body: await describe(catalogue, name) };
  },
};

/** @throws {FungiError} INDEX_NOT_FOUND, and of one that is ready what opening it throws */
export async function describe(catalogue: IndexCatalogue, name: string): Promise<unknown> {
  const status = await catalogue.status(name);
  if (status.state !== 'ready') return summaryOf(status);
  return catalogue.use(name, (selector) => {
    const { manifest, size, labels } = selector;
    const ready = summaryOf({ ...status, manifest, rows: size });
    return Promise.resolve({ ...ready, ...detailsOf(manifest, labels) });
  });
}
