/**
 * What neighbours say of rows that took part neither in the space that they are looked for in nor in its choice: from these it can be told how far
 * the index's own posterior is to be trusted.
 */
import { labelShares, voteWeights, type LabelProbability } from '../policies/posterior.js';
import { USUAL_VOTERS } from '../policies/usual-vote.js';
import type { Labelled } from '../reduce/held-out.js';
import { largest } from '../reduce/largest.js';
import type { Choice } from './choose.js';
import { mix, type Fold, type Folds } from './folds.js';

export interface HeldOutVotes {
  /** Share of the vote that the likeliest label had, 0 to 1 [m]. */
  readonly shares: Float32Array;
  /** Whether it was the row's own: 1 or 0 [m]. */
  readonly right: Uint8Array;
  /** Number of the fold that the row was held out in [m]. */
  readonly folds: Int32Array;
  /** Rows that were held out beside these, of whose label there was no other to vote for it. */
  readonly unscored: number;
}

/** Every scored row once: in its first fold, by the choice that the other folds make. @param choices by number of the fold */
export async function heldOutVotes(folds: Folds, choices: ReadonlyMap<number, Choice>): Promise<HeldOutVotes> {
  const first = folds.firstOf();
  const [shares, right, of]: [number[], number[], number[]] = [[], [], []];
  for (const own of bySet(choices)) {
    const rows = await folds.rowsOf(own[0]![1].losses);
    for (const [number, { shrinkage, shares: chosen }] of own) {
      const fold = folds.all[number]!;
      const { queries, voters, queryCodes, voterCodes } = fold.out;
      const similarity = await similarityAt(folds, rows, fold, { shrinkage, share: chosen.vote });
      queries.forEach((row, q) => {
        if (first.get(row) !== number) return;
        const { label, probability } = likeliest(
          similarity.subarray(q * voters.length, (q + 1) * voters.length),
          voterCodes,
        );
        shares.push(probability);
        right.push(Number(label === queryCodes[q]));
        of.push(number);
      });
    }
  }
  return {
    ...{ shares: Float32Array.from(shares), right: Uint8Array.from(right), folds: Int32Array.from(of) },
    unscored: folds.unscored,
  };
}

/**
 * The label that a posterior of an index puts first, and its share of the vote.
 *
 * @param similarity of a query and each row, a cosine [p]
 * @param codes of the rows [p]
 */
export function likeliest(similarity: Float32Array, codes: ArrayLike<number>): LabelProbability<number> {
  const places = new Int32Array(Math.min(USUAL_VOTERS, similarity.length));
  largest(similarity, places);
  const near = Array.from(places);
  const weights = voteWeights(near.map((row) => ({ distance: Math.max(0, 1 - similarity[row]!) })));
  const [first] = labelShares(
    near.map((row) => codes[row]!),
    weights,
  );
  return first!;
}

/** Folds whose choices read the same losses, together. */
function bySet(choices: ReadonlyMap<number, Choice>): (readonly [number: number, choice: Choice])[][] {
  const sets = new Map<string, (readonly [number, Choice])[]>();
  for (const entry of choices) {
    const name = entry[1].losses.join('+');
    sets.set(name, [...(sets.get(name) ?? []), entry]);
  }
  return [...sets.values()];
}

async function similarityAt(
  folds: Folds,
  rows: Labelled,
  fold: Fold,
  { shrinkage, share }: { readonly shrinkage: number; readonly share: number },
): Promise<Float32Array> {
  if (share === 0) return fold.plain;
  const supervised = await folds.supervised(rows, await folds.heldOut(rows, fold), shrinkage);
  return mix(supervised, fold.plain, share, supervised);
}
