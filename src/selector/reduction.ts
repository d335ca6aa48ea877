/** How the features of an index are reduced, as asked for, and which distance that allows. */
import { z } from 'zod';
import { FungiError } from '../core/errors.js';
import type { Reduction } from '../reduce/fitter.js';
import { defaultShares, type Shares } from '../reduce/shares.js';
import type { Metric } from '../retrieve/distance.js';

/** What is left out has its default. */
export type IndexReduction =
  /** The directions of most variance: the paper's. */
  | { readonly kind: 'pca' }
  /** Those that tell labels apart. */
  | { readonly kind: 'lda'; readonly shrinkage?: number | 'auto' | undefined }
  /** Both beside each other, and how much each counts: see `Shares`. */
  | {
      readonly kind: 'blend';
      readonly shrinkage?: number | 'auto' | undefined;
      readonly shares?: { readonly selection?: number | undefined; readonly vote?: number | undefined } | undefined;
    }
  /** Features as they are. */
  | { readonly kind: 'none' }
  /**
   * A blend whose losses, shrinkage, shares and voters are chosen on the examples. Seconds after which no further set of losses is
   * tried; 120 where it is left out.
   */
  | { readonly kind: 'auto'; readonly budgetSeconds?: number | undefined };

export const REDUCTION_KINDS = [
  'auto',
  'pca',
  'lda',
  'blend',
  'none',
] as const satisfies readonly IndexReduction['kind'][];

export const DEFAULT_REDUCER: IndexReduction = { kind: 'auto' };

const fraction = z.number().min(0).max(1);
const shrinkage = z
  .union([z.literal('auto'), fraction])
  .default('auto')
  .meta({
    description: 'How far the scatter within labels is drawn towards a sphere; auto tries some on held-out examples.',
  });

export const reductionSchema = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('pca') }),
    z.strictObject({ kind: z.literal('lda'), shrinkage }),
    z.strictObject({
      kind: z.literal('blend'),
      shrinkage,
      shares: z
        .strictObject({
          selection: fraction.optional().meta({ description: 'Where examples are chosen. 0.5 where it is left out.' }),
          vote: fraction.optional().meta({
            description: 'Where neighbours vote. 1 where it is left out, 0.5 with two labels.',
          }),
        })
        .default({})
        .meta({ description: "How much the labels' part counts beside the PCA's, 0 to 1." }),
    }),
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('auto'),
      budgetSeconds: z
        .number()
        .nonnegative()
        .max(86_400)
        .default(120)
        .meta({ description: 'After so many seconds no further set of losses is tried.' }),
    }),
  ])
  .meta({
    description:
      'How features are reduced: pca, what tells labels apart (lda), both beside each other (blend), or not.',
  });

/** A reduction that has been read: defaults in place. */
export type AskedReduction = z.output<typeof reductionSchema>;

/**
 * @param value {@link IndexReduction}, from code or from a file
 * @throws {FungiError} INVALID_ARGUMENT for what is none, and for dimensions or a distance that it cannot have
 */
export function parseReduction(
  value: unknown,
  { dims, metric }: { readonly dims: number; readonly metric?: Metric | undefined },
): AskedReduction {
  const parsed = reductionSchema.safeParse(value);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw new FungiError('INVALID_ARGUMENT', `${['reducer', ...path].join('.')}: ${message}`, {
      hint: `Example: {"kind": "blend", "shrinkage": "auto"}; kinds are ${REDUCTION_KINDS.join(', ')}.`,
    });
  }
  if (!Number.isInteger(dims) || dims < 1) {
    throw new FungiError('INVALID_ARGUMENT', `dims is ${dims}: it must be a whole number from 1`);
  }
  const { kind } = parsed.data;
  if (kind !== 'blend' && kind !== 'auto') return parsed.data;
  if (dims < 2) {
    throw new FungiError('INVALID_ARGUMENT', 'dims is 1: each of the two parts of a blend takes one at least', {
      hint: 'Give 2 or more, or reduce by lda or pca.',
    });
  }
  if (metric === 'l2') {
    throw new FungiError('INVALID_ARGUMENT', 'metric l2 with a blend: its shares are those of a cosine', {
      hint: 'Leave the metric out, or reduce by pca or lda.',
    });
  }
  return parsed.data;
}

/** What its fitter is made of. @param seed draws what is held out where a shrinkage is looked for */
export function fitterReduction(asked: Exclude<AskedReduction, { kind: 'auto' }>, seed: number): Reduction {
  if (asked.kind === 'pca' || asked.kind === 'none') return { kind: asked.kind };
  return { kind: asked.kind, shrinkage: asked.shrinkage, seed };
}

/** How much the labels' part of a blend counts. @param supervised width of that part */
export function sharesOf(asked: AskedReduction, supervised: number): Shares {
  const { selection, vote } = defaultShares(supervised);
  const given = asked.kind === 'blend' ? asked.shares : {};
  return { selection: given.selection ?? selection, vote: given.vote ?? vote };
}
