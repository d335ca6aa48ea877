/** An example as a client sends it, by itself or as a line. */
import { z } from 'zod';
import type { ExampleInput } from '../../../core/item.js';
import { exampleId, item, label, metadata } from '../fields.js';

export const exampleSchema = z
  .strictObject({ id: exampleId.optional(), input: item, label, metadata: metadata.optional() })
  .meta({
    description: 'A labelled example. One whose id is there already replaces it.',
    examples: [{ id: 'card-201', input: 'Someone took my card', label: 'lost_or_damaged', metadata: { year: 2026 } }],
  });

export type ParsedExample = z.output<typeof exampleSchema>;

export const exampleOf = ({ id, input, label, metadata }: ParsedExample): ExampleInput => ({
  input,
  label,
  ...(id !== undefined && { id }),
  ...(metadata !== undefined && { metadata: metadata as NonNullable<ExampleInput['metadata']> }),
});
