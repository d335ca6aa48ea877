/** Why examples were chosen, as replies have it: the library's explanation, member for member. */
import { z } from 'zod';
import { DROP_RULES } from '../../../policies/candidate.js';
import { CHOICE_RULES, type SelectionExplanation } from '../../../policies/explanation.js';
import type { Selection } from '../../../selector/selection.js';

const count = z.int().nonnegative();
const place = z.int().min(1);
const probability = z.number().min(0).max(1);

const candidateShape = {
  id: z.string(),
  label: z.string(),
  nearness: place.meta({ description: 'Among all candidates by distance; 1 is the nearest.' }),
  distance: z.number(),
};

const posteriorSchema = z.strictObject({
  labels: z
    .array(z.strictObject({ label: z.string(), probability }))
    .meta({ description: 'What the neighbours say of the label, most likely first.' }),
  other: probability.meta({ description: 'That it is none of them; 0 without a calibration.' }),
  confidence: probability.meta({ description: 'Of the first.' }),
  calibrated: z.boolean().meta({ description: 'Whether these are probabilities; else they are shares of the vote.' }),
});

const split = z
  .strictObject({
    before: z.number().meta({ description: "Before reduction: the sum of the blocks' before." }),
    after: z.number().meta({
      description: "In the space of the choice: the distance, under l2 squared; the sum of the blocks' after.",
    }),
    residual: z.number().meta({ description: 'after − before: what reduction made of it.' }),
    blocks: z.array(
      z.strictObject({
        block: z.string().meta({ description: 'A loss, or embedding.' }),
        before: z.number(),
        after: z.number().meta({ description: 'Below 0 where the block draws the example nearer.' }),
        rank: place.meta({ description: 'By before, among the chosen.' }),
      }),
    ),
  })
  .meta({ description: 'With explain by blocks: the distance by block, under l2 squared, else 1 − cosine.' });

const explanationSchema = z
  .strictObject({
    candidates: count.meta({ description: 'Rows that were looked at: the chosen and the dropped.' }),
    k: place.meta({ description: 'Examples that were asked for.' }),
    chosen: z
      .array(
        z.strictObject({
          ...candidateShape,
          rank: place,
          similarity: probability.meta({ description: 'To the query: what mmr and dpp weigh.' }),
          margin: z.number().optional().meta({
            description:
              'How much nearer it is than the nearest that could have been chosen and was not; below 0 where a rule brought it in.',
          }),
          words: z.number().optional().meta({ description: 'BM25, where words count.' }),
          rule: z.enum(CHOICE_RULES),
          split: split.optional(),
        }),
      )
      .meta({ description: 'By rank.' }),
    dropped: z
      .array(
        z.strictObject({
          ...candidateShape,
          rule: z.enum(DROP_RULES),
          of: z.string().optional().meta({ description: 'Id of the example that it is a duplicate of.' }),
        }),
      )
      .meta({ description: 'Nearest first.' }),
    posterior: posteriorSchema,
  })
  .meta({ id: 'Explanation' });

/** What a policy and `explain` add to a reply. */
export const explainedShape = {
  abstains: z.boolean().optional().meta({
    description: "Whether the neighbours' confidence is below the policy's abstain.below, where it has one.",
  }),
  explanation: explanationSchema.optional().meta({ description: 'With explain: why these examples.' }),
};

interface Explained {
  readonly abstains?: boolean;
  readonly explanation?: SelectionExplanation;
}

export const explainedOf = ({ abstains, explanation }: Selection): Explained => ({
  ...(abstains !== undefined && { abstains }),
  ...(explanation !== undefined && { explanation }),
});
