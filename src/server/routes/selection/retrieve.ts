import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import type { Route } from '../../route.js';
import { assertClientItems, queryAt } from '../client-items.js';
import { codes, ENCODING, OPENING } from '../failures.js';
import { filter, filterOf, indexPath, item, k, MAX_ITEMS, noQuery, type IndexPath } from '../fields.js';
import { policyOptions, policyShape } from './policy-body.js';
import { withoutPaths } from './prompt-body.js';
import { generationOf, generationShape, selectionOf, selectionShape } from './selected.js';

/** Examples of one reply: many queries of many examples each would make a reply of gigabytes. */
export const MAX_REPLIED = 50_000;

const bodySchema = z
  .strictObject({
    query: item.optional(),
    queries: z
      .array(item)
      .min(1)
      .max(MAX_ITEMS)
      .optional()
      .meta({
        description: `Many queries, computed together, in place of one. Together with k: at most ${MAX_REPLIED} examples.`,
      }),
    k,
    filter: filter.optional(),
    ...policyShape,
    includeVectors: z.boolean().default(false).meta({ description: "Whether the reply holds the queries' features." }),
  })
  .refine(({ query, queries }) => (query === undefined) !== (queries === undefined), {
    message: 'has to have either query or queries',
  })
  .meta({
    oneOf: [{ required: ['query'] }, { required: ['queries'] }],
    examples: [{ query: 'my library card was stolen, can I still borrow?', k: 3 }],
  });

const single = z.strictObject({ ...generationShape, ...selectionShape });
const many = z.strictObject({
  ...generationShape,
  results: z.array(z.strictObject(selectionShape)).meta({ description: 'One a query, in their order.' }),
});

export const retrieve: Route<IndexPath, unknown, z.output<typeof bodySchema>> = {
  method: 'post',
  path: '/v1/indexes/{name}/retrieve',
  operationId: 'retrieve',
  tag: 'selection',
  summary: 'Finds the examples nearest to a query, or to each of many.',
  scope: 'read',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  body: { size: 'media', schema: bodySchema },
  replies: {
    200: { description: 'Of `query` its examples; of `queries` the results of each.', schema: z.union([single, many]) },
  },
  failures: codes(OPENING, ENCODING),

  async handle({ path: { name }, body, context: { catalogue, signal } }) {
    const { query, queries = [query!], k, includeVectors } = body;
    const filter = filterOf(body.filter);
    assertReplySize(queries.length, k);
    return catalogue.use(name, async (selector) => {
      assertClientItems(queries, selector.modality, queryAt(queries.length));
      const work = { k, queries: queries.length, rows: selector.size };
      const selected = selector.selectBatch(queries, {
        k,
        ...filter,
        ...policyOptions(body, work),
        includeVector: includeVectors,
        signal,
      });
      const selections = await withoutPaths(name, selected);
      const results = selections.map((selection) => selectionOf(selection, selector));
      const found = body.queries === undefined ? results[0]! : { results };
      return { kind: 'json', status: 200, body: { ...generationOf(selector), ...found } };
    });
  },
};

function assertReplySize(queries: number, k: number): void {
  if (queries * k <= MAX_REPLIED) return;
  throw new FungiError(
    'INVALID_ARGUMENT',
    `${queries} queries of ${k} examples are ${queries * k}; a reply holds ${MAX_REPLIED}`,
    { hint: 'Ask for fewer examples, or with fewer queries at once.' },
  );
}
