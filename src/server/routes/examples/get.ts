import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import type { Route } from '../../route.js';
import { shownInput } from '../client-items.js';
import { codes, OPENING } from '../failures.js';
import { exampleId, indexName } from '../fields.js';
import { generationOf, generationShape, heldShape } from '../selection/selected.js';

const pathSchema = z.strictObject({ name: indexName, id: exampleId });
const querySchema = z.strictObject({
  includeVectors: z
    .enum(['true', 'false'])
    .default('false')
    .meta({ description: "Whether the reply holds the example's feature." }),
});

export const getExample: Route<z.output<typeof pathSchema>, z.output<typeof querySchema>> = {
  method: 'get',
  path: '/v1/indexes/{name}/examples/{id}',
  operationId: 'getExample',
  tag: 'examples',
  summary: 'Shows one example.',
  scope: 'read',
  errors: 'problem',
  pathSchema,
  querySchema,
  replies: {
    200: {
      description: 'It is there.',
      schema: z.strictObject({
        ...generationShape,
        id: z.string(),
        label: z.string(),
        ...heldShape,
        vector: z.array(z.number()).optional().meta({
          description: 'Its feature, with includeVectors: what the index compares with that of a query.',
        }),
      }),
    },
  },
  failures: codes(OPENING, ['EXAMPLE_NOT_FOUND']),

  async handle({ path: { name, id }, query: { includeVectors }, context: { catalogue } }) {
    return catalogue.use(name, (selector) => {
      const found = selector.get(id);
      if (found === undefined) throw noExample(name, id);
      const { label, input, metadata, vector } = found;
      const body = {
        ...generationOf(selector),
        ...{ id, label, input: shownInput(input, selector.modality), metadata },
        ...(includeVectors === 'true' && { vector: Array.from(vector) }),
      };
      return Promise.resolve({ kind: 'json', status: 200, body });
    });
  },
};

const noExample = (name: string, id: string): FungiError =>
  new FungiError('EXAMPLE_NOT_FOUND', `index "${name}" has no example "${id.slice(0, SHOWN)}"`, {
    hint: 'Percent-encode the id in the path: a slash in it is %2F.',
  });

/** Characters of an id that an error repeats. */
const SHOWN = 80;
