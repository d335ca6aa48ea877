import { z } from 'zod';
import { FungiError } from '../../../core/errors.js';
import type { Item } from '../../../core/item.js';
import { approximateTokens } from '../../../prompt/budget.js';
import type { Embedder } from '../../../selector/embedder.js';
import type { IndexCatalogue } from '../../indexes/catalogue.js';
import type { Route } from '../../route.js';
import { assertClientItems } from '../client-items.js';
import { codes, ENCODING, OPENING } from '../failures.js';
import { item, MAX_ITEMS, noQuery } from '../fields.js';
import { indexOrNone } from './model-name.js';

/** Of all inputs together, as OpenAI has it. */
const MAX_TOKENS = 300_000;

const isTokens = (value: unknown): boolean =>
  Array.isArray(value) && value.some((member) => typeof member === 'number' || isTokens(member));

const bodySchema = z
  .strictObject({
    input: z
      .union([item, z.array(item).min(1).max(MAX_ITEMS)], {
        error: ({ input }) =>
          isTokens(input)
            ? "token arrays are not taken: tokens of one model are not another's. Send the texts"
            : `has to be a text, or 1 to ${MAX_ITEMS} of them, none of them empty`,
      })
      .meta({ description: 'What to embed.', examples: ['my library card was stolen', ['one', 'two']] }),
    model: z
      .string()
      .min(1)
      .max(200)
      .meta({
        description: 'Name of an index, for the features that it compares, or an encoder, for plain embeddings.',
        examples: ['help-desk'],
      }),
    encoding_format: z
      .enum(['float', 'base64'])
      .default('float')
      .meta({ description: 'base64 is that of little-endian 32-bit floats.' }),
    dimensions: z
      .int()
      .min(1)
      .max(65_536)
      .optional()
      .meta({ description: 'The first so many, of an index whose features went through PCA: those that vary most.' }),
    user: z.string().max(512).optional().meta({ description: 'Taken, and not used.' }),
  })
  .meta({ examples: [{ model: 'help-desk', input: ['my library card was stolen'] }] });
type Body = z.output<typeof bodySchema>;

const count = z.int().nonnegative();
const replySchema = z.strictObject({
  object: z.literal('list'),
  data: z.array(
    z.strictObject({
      object: z.literal('embedding'),
      index: count,
      embedding: z.union([z.array(z.number()), z.string()]),
    }),
  ),
  model: z.string(),
  usage: z.strictObject({ prompt_tokens: count, total_tokens: count }).meta({
    description:
      'Estimates (header x-fungi-usage: estimate): four ASCII characters a token, one any other; an image or a sound one.',
  }),
});

export const embeddings: Route<unknown, unknown, Body> = {
  method: 'post',
  path: '/v1/embeddings',
  operationId: 'createEmbedding',
  tag: 'openai',
  summary: "Embeds texts, images or sounds, in OpenAI's form. Features of an index compare by its metric, as they are.",
  scope: 'read',
  errors: 'openai',
  querySchema: noQuery,
  body: { size: 'media', schema: bodySchema },
  replies: {
    200: {
      description: 'One vector an input, in their order.',
      schema: replySchema,
      headers: { 'x-fungi-usage': '`estimate`: usage is none of the encoder itself' },
    },
  },
  failures: codes(OPENING, ENCODING, ['MODEL_NOT_FOUND']),

  async handle({ body, context }) {
    const { catalogue, signal } = context;
    const { input, model, encoding_format: format } = body;
    const items = typeof input === 'string' ? [input] : input;
    return withEmbedder(catalogue, model, async (embedder, keepsOrder) => {
      assertClientItems(items, embedder.modality, (place) => `input ${place}`);
      const length = lengthOf(body, embedder, keepsOrder);
      const tokens = tokensOf(items, embedder);
      const { vectors } = await embedder.embed(items, { signal });
      const data = vectors.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: encoded(vector.subarray(0, length), format),
      }));
      return {
        kind: 'json',
        status: 200,
        headers: { 'x-fungi-usage': 'estimate' },
        body: { object: 'list', data, model, usage: { prompt_tokens: tokens, total_tokens: tokens } },
      };
    });
  },
};

/** @param work gets whether the first dimensions of a vector are those that say most */
async function withEmbedder<T>(
  catalogue: IndexCatalogue,
  model: string,
  work: (embedder: Embedder, keepsOrder: boolean) => Promise<T>,
): Promise<T> {
  // An encoder first: nobody who may make indexes takes its name.
  if (catalogue.encoders.includes(model)) return work(await catalogue.embedder(model), false);
  return indexOrNone(model, () =>
    catalogue.use(model, (index) => {
      const { reducer } = index.manifest;
      return work(index, reducer.kind === 'pca' && !reducer.centredOnly);
    }),
  );
}

/** @throws {FungiError} INVALID_ARGUMENT where a cut makes no sense */
function lengthOf({ dimensions }: Body, { name, dims }: Embedder, keepsOrder: boolean): number {
  if (dimensions === undefined || dimensions === dims) return dims;
  const faulty = (detail: string) => ({ faults: [{ pointer: '#/dimensions', detail }], dims });
  if (dimensions > dims) {
    throw new FungiError('INVALID_ARGUMENT', `dimensions is ${dimensions}; vectors of "${name}" have ${dims}`, {
      details: faulty(`at most ${dims}`),
    });
  }
  if (!keepsOrder) {
    throw new FungiError('INVALID_ARGUMENT', `dimensions is ${dimensions}: vectors of "${name}" cannot be cut`, {
      hint: `Leave it out, or take all ${dims}: only features that went through PCA have their dimensions in order of what they tell.`,
      details: faulty('cannot be cut'),
    });
  }
  return dimensions;
}

/** @throws {FungiError} INVALID_ARGUMENT for more than {@link MAX_TOKENS} */
function tokensOf(items: readonly Item[], { modality }: Embedder): number {
  const tokens = modality === 'text' ? items.reduce((sum, text) => sum + approximateTokens(text), 0) : items.length;
  if (tokens <= MAX_TOKENS) return tokens;
  throw new FungiError('INVALID_ARGUMENT', `inputs have about ${tokens} tokens; a request has at most ${MAX_TOKENS}`, {
    hint: 'Send them in several requests.',
    details: { faults: [{ pointer: '#/input', detail: `at most ${MAX_TOKENS} tokens` }], tokens },
  });
}

function encoded(vector: Float32Array, format: Body['encoding_format']): number[] | string {
  if (format === 'float') return Array.from(vector);
  const bytes = Buffer.allocUnsafe(vector.length * 4);
  vector.forEach((value, i) => bytes.writeFloatLE(value, i * 4));
  return bytes.toString('base64');
}
