/**
 * What a client may say of a new index. Features are those of the command line, within bounds of time and memory: a loss of a million
 * views would keep a server busy for days.
 */
import { z } from 'zod';
import { reductionSchema } from '../../../selector/reduction.js';
import { exampleSchema } from '../examples/example-schema.js';
import { indexName } from '../fields.js';

/** Examples of one request; more come by {@link addExamples}. */
export const MAX_BUILD_EXAMPLES = 20_000;

const size = (max: number) => z.int().min(1).max(max).optional();

const loss = z
  .strictObject({
    name: z.enum(['kl', 'simclr', 'dino', 'deepcluster', 'ibot']),
    temperature: z.number().gt(0).max(1000).optional(),
    weight: z.number().gt(0).max(1000).optional(),
    latent: size(4096).meta({ description: 'Width of the head.' }),
    views: z.int().min(2).max(64).optional().meta({ description: 'simclr: views of an item.' }),
    negativeItems: size(1024).meta({ description: 'simclr: items in the negative batch.' }),
    negativeViews: size(64).meta({ description: 'simclr: views of each of them.' }),
    deletion: z.number().gt(0).lt(1).optional().meta({ description: 'simclr of texts: share of words a view loses.' }),
  })
  .meta({ description: 'A loss whose gradient is part of the feature. What is left out has its default.' });

const projection = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('nystrom'), landmarks: size(4096), rank: size(16) }),
  z.strictObject({ kind: z.literal('khatri-rao'), width: size(16_384) }),
  z.strictObject({ kind: z.literal('dense'), width: size(16_384) }),
]);

export const featuresSchema = z
  .strictObject({
    losses: z.array(loss).max(5).optional().meta({ description: 'None for plain embeddings.' }),
    mode: z.enum(['paper', 'reference']).optional(),
    seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
    projection: projection.optional(),
    embeddingWeight: z.number().gt(0).max(1000).optional(),
  })
  .meta({ description: 'What a feature is made of.', examples: [{ losses: [{ name: 'kl' }] }] });

export const buildSchema = z
  .strictObject({
    name: indexName,
    examples: z
      .array(exampleSchema)
      .min(1)
      .max(MAX_BUILD_EXAMPLES)
      .meta({ description: 'Reducer, head and projection come from these; more can be added once it is built.' }),
    encoder: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({
        description: "One of the server's encoders, as GET /v1/models lists them; the first where it is left out.",
        examples: ['builtin'],
      }),
    features: featuresSchema.optional(),
    dims: z
      .int()
      .min(1)
      .max(4096)
      .optional()
      .meta({ description: 'Length of a stored feature, at most. 512 where it is left out.', examples: [512] }),
    reducer: reductionSchema.optional(),
    metric: z
      .enum(['l2', 'cosine'])
      .optional()
      .meta({ description: 'What the reducer is made for where it is left out: l2 after a PCA, cosine of a blend.' }),
    ifExists: z
      .enum(['refuse', 'replace'])
      .default('refuse')
      .meta({ description: 'What becomes of an index of this name; it serves until the new one takes its place.' }),
  })
  .meta({
    examples: [
      {
        name: 'help-desk',
        examples: [
          { input: 'my bag was stolen with 2 library books inside', label: 'lost_or_damaged' },
          { input: 'can I have the book for another week?', label: 'renew' },
        ],
      },
    ],
  });
