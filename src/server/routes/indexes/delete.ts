import type { Route } from '../../route.js';
import { indexPath, noQuery, type IndexPath } from '../fields.js';

export const deleteIndex: Route<IndexPath> = {
  method: 'delete',
  path: '/v1/indexes/{name}',
  operationId: 'deleteIndex',
  tag: 'indexes',
  summary: 'Removes an index with all its examples.',
  scope: 'admin',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  replies: { 204: { description: 'It is gone.', schema: null } },
  failures: ['INDEX_NOT_FOUND', 'INDEX_LOCKED', 'STORAGE_FAILED'],

  async handle({ path: { name }, context: { catalogue } }) {
    await catalogue.remove(name);
    return { kind: 'empty', status: 204 };
  },
};
