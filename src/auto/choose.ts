/** Which of the spaces is taken, and what may be expected of it. */
import type { Scores } from './score-spaces.js';
import type { SpaceScores } from './scores.js';
import { PLAIN, VOTERS } from './candidate-spaces.js';

export interface Choice {
  /** Whose gradients are worth their time, beside the embedding. */
  readonly losses: readonly string[];
  readonly shrinkage: number;
  /** The supervised part's: in the space that examples are chosen in, and where neighbours vote. */
  readonly shares: { readonly selection: number; readonly vote: number };
  /** Neighbours that vote. */
  readonly k: number;
}

/** A mean difference over rows, with its paired 95 % interval. */
export interface Gain {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
}

/** Of rows that took no part in the choice that they score. */
export interface Expected {
  /** Rows that were scored. */
  readonly rows: number;
  /** Share that so chosen neighbours give their own label, and that the plain embedding's do, as many as do best there. */
  readonly accuracy: number;
  readonly embedding: number;
  readonly gain: Gain;
  /** Share with an example of their own label among so many, where examples are so chosen and by the plain embedding. */
  readonly shown: number;
  readonly labelHit: number;
  readonly embeddingLabelHit: number;
}

/** Label hits that a selection may lose against the plain embedding, as a share of queries. */
const HITS_TO_LOSE = 0.004;
const Z = 1.959963984540054;
/** One row ahead is as much as its standard error: rounding must not make it more. */
const ROUNDING = 1e-9;

/**
 * For each set of losses the space and the number of voters that did best; then the cheapest set, unless a dearer one is ahead of it by more than a
 * standard error of their paired difference. Examples for a prompt are chosen at the largest share that loses hardly any label hits: a
 * prompt has to show rival labels too. Of equals the larger shrinkage, the smaller share, the larger number of voters is taken.
 *
 * @param isUsed rows that have a say [m]
 */
export function choose({ spaces, mostVoters }: Scores, isUsed: (row: number) => boolean = () => true): Choice {
  const levels = new Map<string, Voting>();
  for (const space of spaces) {
    space.right.forEach((right, at) => {
      if (VOTERS[at]! > Math.max(1, mostVoters)) return;
      const key = nameOf(space.losses);
      const mean = meanOf(right, isUsed);
      if (mean >= (levels.get(key)?.mean ?? -1)) levels.set(key, { space, right, mean, k: VOTERS[at]! });
    });
  }
  const [cheapest, ...dearer] = levels.values();
  const best = dearer.reduce((taken, each) => (isAhead(each.right, taken.right, isUsed) ? each : taken), cheapest!);
  const { losses } = best.space;
  // A vote by the plain embedding says nothing of the shrinkage: then the best of those that have a supervised part does.
  const shrinkage = best.space.share > 0 ? best.space.shrinkage : bestShrinkage(spaces, losses, isUsed);
  const [plain] = spaces;
  const selection = spaces
    .filter((space) => nameOf(space.losses) === nameOf(losses) && space.shrinkage === shrinkage && space.share > 0)
    .find(({ hit }) => meanOf(plain!.hit, isUsed) - meanOf(hit, isUsed) <= HITS_TO_LOSE);
  return { losses, shrinkage, shares: { selection: selection?.share ?? 0, vote: best.space.share }, k: best.k };
}

const nameOf = (losses: readonly string[]): string => losses.join('+');

interface Voting {
  readonly space: SpaceScores;
  readonly right: Float32Array;
  readonly mean: number;
  readonly k: number;
}

function bestShrinkage(
  spaces: readonly SpaceScores[],
  losses: readonly string[],
  isUsed: (row: number) => boolean,
): number {
  const own = spaces.filter((space) => nameOf(space.losses) === nameOf(losses) && space.share > 0);
  if (own.length === 0) return PLAIN.shrinkage;
  const means = own.map(({ right }) => Math.max(...right.map((each) => meanOf(each, isUsed))));
  return own[means.lastIndexOf(Math.max(...means))]!.shrinkage;
}

/** The choice that the other folds make, by the number of the fold. */
export function outOfFold(scores: Scores): ReadonlyMap<number, Choice> {
  const { folds } = scores;
  return new Map([...new Set(folds)].map((fold) => [fold, choose(scores, (row) => folds[row] !== fold)]));
}

/**
 * What the rule makes of the rows that it did not see: each fold is scored by the choice that the others make.
 */
export function expected(scores: Scores, choices: ReadonlyMap<number, Choice> = outOfFold(scores)): Expected {
  const { spaces, folds } = scores;
  const [plain] = spaces;
  const right = new Float32Array(folds.length);
  const hit = new Float32Array(folds.length);
  const embedding = new Float32Array(folds.length);
  for (const [fold, { losses, shrinkage, shares, k }] of choices) {
    const isHeld = (row: number): boolean => folds[row] === fold;
    const spaceAt = (share: number): SpaceScores =>
      share === 0
        ? plain!
        : spaces.find(
            (each) => nameOf(each.losses) === nameOf(losses) && each.shrinkage === shrinkage && each.share === share,
          )!;
    const votes = spaceAt(shares.vote).right[VOTERS.findIndex((each) => each === k)]!;
    const shown = spaceAt(shares.selection).hit;
    // The plain embedding, too, has as many voters as do best by it.
    const byPlain = choose({ ...scores, spaces: [plain!] }, (row) => !isHeld(row)).k;
    const plainVotes = plain!.right[VOTERS.findIndex((each) => each === byPlain)]!;
    for (let row = 0; row < folds.length; row++) {
      if (isHeld(row)) [right[row], hit[row], embedding[row]] = [votes[row]!, shown[row]!, plainVotes[row]!];
    }
  }
  return {
    rows: folds.length,
    accuracy: meanOf(right),
    embedding: meanOf(embedding),
    gain: gainOf(right, embedding),
    shown: scores.shown,
    labelHit: meanOf(hit),
    embeddingLabelHit: meanOf(plain!.hit),
  };
}

/**
 * The interval is Agresti & Min's (2005): as if there were two more rows, on which half a vote each way differs. That a few rows are all alike does
 * not make it a point.
 */
function gainOf(own: Float32Array, other: Float32Array): Gain {
  const n = own.length + 2;
  let [sum, squares] = [0, 1];
  for (let row = 0; row < own.length; row++) {
    const apart = own[row]! - other[row]!;
    sum += apart;
    squares += apart * apart;
  }
  const [centre, error] = [sum / n, Math.sqrt(squares - sum ** 2 / n) / n];
  return {
    difference: sum / (n - 2),
    low: Math.max(-1, centre - Z * error),
    high: Math.min(1, centre + Z * error),
  };
}

function isAhead(own: Float32Array, other: Float32Array, isUsed: (row: number) => boolean): boolean {
  const { difference, error } = paired(own, other, isUsed);
  return difference > error * (1 + ROUNDING);
}

/** Mean difference and its standard error. */
function paired(
  own: Float32Array,
  other: Float32Array,
  isUsed: (row: number) => boolean,
): { readonly difference: number; readonly error: number } {
  let [n, sum, squares] = [0, 0, 0];
  for (let row = 0; row < own.length; row++) {
    if (!isUsed(row)) continue;
    const apart = own[row]! - other[row]!;
    n++;
    sum += apart;
    squares += apart * apart;
  }
  if (n === 0) return { difference: 0, error: 0 };
  const difference = sum / n;
  if (n === 1) return { difference, error: Infinity };
  return { difference, error: Math.sqrt(Math.max(0, squares - n * difference ** 2) / (n - 1) / n) };
}

function meanOf(values: Float32Array, isUsed: (row: number) => boolean = () => true): number {
  let [n, sum] = [0, 0];
  for (let row = 0; row < values.length; row++) {
    if (!isUsed(row)) continue;
    n++;
    sum += values[row]!;
  }
  return n === 0 ? 0 : sum / n;
}
