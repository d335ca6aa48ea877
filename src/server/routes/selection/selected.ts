/** Chosen examples, as several routes reply them. */
import { z } from 'zod';
import type { SelectedExample, Selection } from '../../../selector/selection.js';
import type { FungiSelector } from '../../../selector/selector.js';
import { shownInput } from '../client-items.js';
import { explainedOf, explainedShape } from './explained.js';

/** What each reply of an index says of it. */
export const generationShape = {
  index: z.string().meta({ description: 'Name of the index.', examples: ['help-desk'] }),
  generation: z.string().meta({
    description: 'Of the index: another one when it was built anew. A reply comes from one generation.',
    examples: ['8c1f6f0a-7c0e-4f0e-9a39-0f0a5d0f5a11'],
  }),
};

export const generationOf = ({
  name,
  manifest,
}: Pick<FungiSelector, 'name' | 'manifest'>): { readonly index: string; readonly generation: string } => ({
  index: name,
  generation: manifest.storeId,
});

export const truncated = z
  .boolean()
  .meta({ description: 'The end of the query did not fit the encoder: examples were chosen without it.' });

const rankedShape = {
  id: z.string(),
  label: z.string(),
  rank: z.int().min(1).meta({ description: '1 is the nearest.' }),
  distance: z.number().meta({ description: "By the index's metric; smaller is nearer.", examples: [1.16] }),
};

/** An example by its id. */
export const rankedSchema = z.strictObject(rankedShape);

export const rankedOf = ({ id, label, rank, distance }: SelectedExample): z.output<typeof rankedSchema> => ({
  id,
  label,
  rank,
  distance,
});

/** What an example holds. */
export const heldShape = {
  input: z.string().nullable().meta({
    description: 'Its text, or data URL; null for an image or a sound that lies in a file of the server.',
  }),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
};

const selectedSchema = z.strictObject({ ...rankedShape, ...heldShape });

export const selectionShape = {
  examples: z.array(selectedSchema).meta({ description: 'Nearest first.' }),
  truncated,
  vector: z
    .array(z.number())
    .optional()
    .meta({ description: "The query's feature, with includeVectors; of the length `dims` of the index." }),
  ...explainedShape,
};

export const selectionOf = (
  selection: Selection,
  { modality }: Pick<FungiSelector, 'modality'>,
): Record<string, unknown> => ({
  examples: selection.examples.map((example) => ({
    ...rankedOf(example),
    input: shownInput(example.input, modality),
    metadata: example.metadata,
  })),
  truncated: selection.truncated,
  ...(selection.vector && { vector: Array.from(selection.vector) }),
  ...explainedOf(selection),
});
