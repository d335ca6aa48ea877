import { z } from 'zod';
import { fingerprint, type Json } from '../../../core/fingerprint.js';
import { withId } from '../../../selector/rows.js';
import { idempotencyHeader, idempotencyKey, IdempotencyStore } from '../../idempotency.js';
import type { IndexCatalogue } from '../../indexes/catalogue.js';
import type { Line, Reply, RequestContext, Route } from '../../route.js';
import { assertClientItems } from '../client-items.js';
import { codes, ENCODING, OPENING, WRITING } from '../failures.js';
import { indexPath, noQuery, type IndexPath } from '../fields.js';
import { exampleOf, exampleSchema } from './example-schema.js';
import { ingestLines } from './ingest-lines.js';
import { FungiError } from '../../../core/errors.js';

const bodySchema = z.strictObject({
  examples: z.array(exampleSchema).min(1).max(1000).meta({ description: 'Stored all or none.' }),
});
type Body = z.output<typeof bodySchema> | AsyncIterable<Line>;

const count = z.int().nonnegative();
const truncatedCount = count.meta({
  description: 'Of them, examples whose end did not fit the encoder: their features are those of their beginnings.',
});
const replySchema = z.strictObject({
  inserted: count,
  updated: count,
  truncated: truncatedCount,
  ids: z.array(z.string()).meta({ description: 'Of the examples, in the order of the request.' }),
});
const acknowledgementSchema = z.strictObject({
  acknowledged: count.meta({ description: 'Lines from the first that are stored.' }),
  inserted: count,
  updated: count,
  truncated: truncatedCount,
  complete: z.literal(true).optional().meta({ description: 'In the last line, when every line is stored.' }),
});

/** Replies of an app's indexes: apps in one process share no keys. */
const stores = new WeakMap<IndexCatalogue, IdempotencyStore>();

export const addExamples: Route<IndexPath, unknown, Body> = {
  method: 'post',
  path: '/v1/indexes/{name}/examples',
  operationId: 'addExamples',
  tag: 'examples',
  summary:
    'Adds examples, replacing those whose id is there. As application/x-ndjson: an example a line, any number, stored and acknowledged in ' +
    'batches of 256. Repeats of a JSON request with the same Idempotency-Key get the first reply, from the process that gave it, for 24 hours.',
  scope: 'write',
  errors: 'problem',
  pathSchema: indexPath,
  querySchema: noQuery,
  headerSchema: idempotencyHeader,
  body: { size: 'media', schema: bodySchema, lines: exampleSchema },
  replies: {
    200: {
      description: 'They are stored.',
      schema: replySchema,
      headers: { 'Idempotent-Replayed': '`true` where the reply is the first one of its Idempotency-Key, again' },
      streamed: { type: 'application/x-ndjson', schema: acknowledgementSchema },
    },
  },
  failures: codes(OPENING, ENCODING, WRITING, ['IDEMPOTENCY_CONFLICT']),

  async handle({ path: { name }, body, context }) {
    const key = idempotencyKey(context.headers['idempotency-key']);
    if (Symbol.asyncIterator in body) return addLines(name, body, key, context);
    if (key === undefined) return addBatch(name, body, context);
    const scope = JSON.stringify([context.keyName ?? null, 'addExamples', name]);
    const digest = fingerprint(body as Json);
    return storeOf(context.catalogue).run({ scope, key, digest, signal: context.signal }, () =>
      addBatch(name, body, context),
    );
  },
};

async function addBatch(
  name: string,
  body: z.output<typeof bodySchema>,
  { catalogue, signal }: RequestContext,
): Promise<Extract<Reply, { kind: 'json' }>> {
  return catalogue.use(name, async (selector) => {
    const examples = body.examples.map((example, i) => withId(exampleOf(example), `example ${i}`));
    const inputs = examples.map(({ input }) => input);
    assertClientItems(inputs, selector.modality, (place) => `example ${place}`);
    const { inserted, updated, truncated } = await selector.add(examples, { signal });
    return { kind: 'json', status: 200, body: { inserted, updated, truncated, ids: examples.map(({ id }) => id) } };
  });
}

/** @throws {FungiError} INVALID_ARGUMENT for a key: the lines are not kept, so that a repetition could not be told from another request */
async function addLines(
  name: string,
  lines: AsyncIterable<Line>,
  key: string | undefined,
  context: RequestContext,
): Promise<Reply> {
  if (key !== undefined) {
    throw new FungiError('INVALID_ARGUMENT', 'header Idempotency-Key: is for JSON, and these are lines', {
      hint: 'Leave it out: a line that is sent again replaces the example of its id by the same.',
    });
  }
  await context.catalogue.use(name, () => Promise.resolve()); // what is no index is told by the status
  return { kind: 'lines', values: ingestLines(context, name, lines) };
}

function storeOf(catalogue: IndexCatalogue): IdempotencyStore {
  const store = stores.get(catalogue) ?? new IdempotencyStore();
  stores.set(catalogue, store);
  return store;
}
