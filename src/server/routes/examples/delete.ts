import { z } from 'zod';
import type { Route } from '../../route.js';
import { codes, OPENING, WRITING } from '../failures.js';
import { exampleId, indexPath, noQuery, type IndexPath } from '../fields.js';

const bodySchema = z.strictObject({
  ids: z
    .array(exampleId)
    .min(1)
    .max(1000)
    .meta({ description: 'Ids of examples; those that are not there are passed over.' }),
});

/**
 * A POST, since a DELETE has no body that every client, proxy and cache hands on (RFC 9110, 9.3.5), and a thousand ids are no query
 * string.
 */
export const deleteExamples: Route<IndexPath, unknown, z.output<typeof bodySchema>> = {
  method: 'post',
  path: '/v1/indexes/{name}/examples/delete',
  operationId: 'deleteExamples',
  tag: 'examples',
  summary: 'Removes examples by id.',
  scope: 'write',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  body: { size: 'batch', schema: bodySchema },
  replies: {
    200: {
      description: 'They are gone.',
      schema: z.strictObject({ deleted: z.int().nonnegative().meta({ description: 'How many there were.' }) }),
    },
  },
  failures: codes(OPENING, WRITING),

  async handle({ path: { name }, body: { ids }, context: { catalogue } }) {
    const deleted = await catalogue.use(name, (selector) => selector.remove(ids));
    return { kind: 'json', status: 200, body: { deleted } };
  },
};
