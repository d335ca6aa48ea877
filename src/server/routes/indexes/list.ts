import { z } from 'zod';
import type { Route } from '../../route.js';
import { noQuery } from '../fields.js';
import { summaryOf, summarySchema } from './index-status.js';

export const listIndexes: Route = {
  method: 'get',
  path: '/v1/indexes',
  operationId: 'listIndexes',
  tag: 'indexes',
  summary: 'Lists all indexes, by name.',
  scope: 'read',
  errors: 'problem',
  querySchema: noQuery,
  replies: { 200: { description: 'All of them.', schema: z.strictObject({ indexes: z.array(summarySchema) }) } },
  failures: ['STORAGE_FAILED'],

  async handle({ context: { catalogue } }) {
    const indexes = (await catalogue.list()).map(summaryOf);
    return { kind: 'json', status: 200, body: { indexes } };
  },
};
