/** A report on the health of an index, as replies have it: the library's, member for member, but for paths of the server. */
import { z } from 'zod';
import type { Bounded } from '../../../health/bounded-list.js';
import type { SameExamples, SameGroups } from '../../../health/duplicates.js';
import type { HealthReport } from '../../../health/pool-health.js';
import type { NamedExample } from '../../../health/pool.js';
import { MODALITIES, type Item, type Modality } from '../../../core/item.js';
import { shownInput } from '../client-items.js';

const count = z.int().nonnegative();
const share = z.number().min(0).max(1);
const interval = { low: share, high: share };

const bounded = <T extends z.ZodType>(entry: T, description: string) =>
  z.strictObject({ count, first: z.array(entry) }).meta({ description });

const namedShape = {
  id: z.string(),
  label: z.string(),
  input: z.string().nullable().meta({
    description: 'Its text, or data URL; null for an image or a sound that lies in a file of the server.',
  }),
};
const nearestSchema = z.strictObject(namedShape);

const sameExamples = z.strictObject({
  rows: z.int().min(2),
  labels: z.array(z.string()).min(1),
  examples: z.array(z.strictObject(namedShape)).meta({ description: 'The first of them.' }),
});
const sameShape = {
  agreeing: bounded(sameExamples, 'Groups of one label, the largest first.'),
  conflicting: bounded(sameExamples, 'Groups of several labels, the largest first: at most one can be right.'),
  spare: count.meta({ description: 'Examples that could go: of agreeing groups all but one.' }),
};

const doubtSchema = z.strictObject({
  ...namedShape,
  likelier: z.string().meta({ description: 'The label that it should rather have.' }),
  reason: z.enum(['same-item', 'neighbours']),
  own: share.meta({ description: "Of the neighbours' votes, for its own label." }),
  other: share.meta({ description: 'For the likeliest other.' }),
  confident: z.boolean(),
});

const labelSchema = z.strictObject({
  label: z.string(),
  rows: z.int().min(1),
  needs: z.array(z.enum(['few-rows', 'low-accuracy'])),
  accuracy: z.strictObject({ share, ...interval }).nullable(),
  agreement: share,
  takenFor: z.array(z.strictObject({ label: z.string(), count })),
});
const confusionSchema = z.strictObject({ label: z.string(), takenFor: z.string(), count, of: z.int().min(1) });

const distance = z.number().nonnegative().meta({ description: "By the index's metric." });
const far = z.strictObject({ input: z.string(), distance, nearest: nearestSchema });
const nextSchema = z.strictObject({
  chosen: z
    .array(
      z.strictObject({
        input: z.string(),
        votes: count.meta({ description: 'Unlabelled items that have it among their nearest.' }),
        score: z.number().nonnegative().meta({
          description:
            'What it was chosen by: these votes, each worth a tenth for each of its own nearest that is an example or was chosen before.',
        }),
        nearest: z.strictObject({ ...namedShape, distance }),
      }),
    )
    .meta({ description: 'The best first.' }),
  candidates: count.meta({ description: 'Items that were given, each counted once.' }),
  known: count.meta({ description: 'Those that the index has already, or that were given before.' }),
});
const driftSchema = z.strictObject({
  queries: z.int().min(1),
  statistic: share.meta({ description: 'Largest gap between the distributions of distances (Kolmogorov–Smirnov).' }),
  critical: z.number().nonnegative().meta({ description: 'What it stays below in 95 of 100 cases where nothing differs.' }),
  median: z.strictObject({ queries: distance, pool: distance }),
  limit: distance.meta({ description: 'Distance that 99 of 100 examples stay within.' }),
  beyond: z.strictObject({ share, ...interval }).meta({ description: 'Share of the queries beyond it: 0.01 is to be expected.' }),
  farthest: bounded(far, 'Queries beyond it, the farthest first.'),
});

export const reportShape = {
  rows: z.int().min(2),
  labelCount: z.int().min(1),
  dims: z.int().positive(),
  metric: z.enum(['l2', 'cosine']),
  modality: z.enum(MODALITIES),
  k: z.int().min(1).meta({ description: 'Neighbours that an example was judged by.' }),
  zeroVectors: count,
  duplicates: z.strictObject({
    equal: z.strictObject(sameShape),
    near: z.strictObject({ distance: z.number().min(0).max(2), ...sameShape }),
  }),
  doubts: z
    .strictObject({
      ...{ count, first: z.array(doubtSchema) },
      byReason: z.strictObject({ 'same-item': count, neighbours: count }),
      confident: count,
    })
    .meta({ description: 'Examples whose label is likely wrong, the most doubtful first.' }),
  coverage: z.strictObject({
    skewness: z.number(),
    antihubs: bounded(z.strictObject({ ...namedShape, nearest: distance }), 'Near to nobody, the farthest first.'),
    hubs: bounded(
      z.strictObject({ ...namedShape, neighbourOf: count, otherLabel: share }),
      'Near to many, the most frequent first.',
    ),
    agreement: share,
  }),
  labels: z.strictObject({
    ...{ count, first: z.array(labelSchema), needy: count, accuracy: share.nullable() },
    confusions: bounded(confusionSchema, 'Pairs of labels, the most frequent first.'),
  }),
  drift: driftSchema.nullable().meta({ description: 'Null without queries.' }),
  next: nextSchema.nullable().meta({ description: 'What to label next; null without unlabelled items.' }),
};

/** What is shown of an example. */
type Shown<T> = Omit<T, 'input'> & { readonly input: Item | null };

/** The report without paths of the server: items that clients sent are theirs, those of the index may lie in its files. */
export function shownReport({ duplicates, doubts, coverage, drift, next, ...rest }: HealthReport, modality: Modality) {
  const shown = <T extends NamedExample>(example: T): Shown<T> => ({
    ...example,
    input: shownInput(example.input, modality),
  });
  const each = <T, U>({ count, first }: Bounded<T>, show: (entry: T) => U): Bounded<U> => ({
    count,
    first: first.map(show),
  });
  const same = (entry: SameExamples) => ({ ...entry, examples: entry.examples.map(shown) });
  const groups = <T extends SameGroups>(all: T) => ({
    ...{ ...all, agreeing: each(all.agreeing, same), conflicting: each(all.conflicting, same) },
  });
  const nearest = <T extends { readonly nearest: NamedExample }>(entry: T) => ({ ...entry, nearest: shown(entry.nearest) });
  return {
    ...rest,
    duplicates: { equal: groups(duplicates.equal), near: groups(duplicates.near) },
    doubts: { ...doubts, ...each(doubts, shown) },
    coverage: { ...coverage, antihubs: each(coverage.antihubs, shown), hubs: each(coverage.hubs, shown) },
    drift: drift && { ...drift, farthest: each(drift.farthest, nearest) },
    next: next && { ...next, chosen: next.chosen.map(nearest) },
  };
}
