/**
 * From a score to how often it is right. Fitted on scores of queries whose answer is known, as leave-one-out over the pool gives them; a
 * calibration is plain JSON, to be kept with an index.
 */
import { FungiError } from '../core/errors.js';

/**
 * `temperature` (Guo et al. 2017) and `platt` (Platt 1999) are logistic in the score's log odds, with one and two parameters; `isotonic` (Zadrozny &
 * Elkan 2002) is any rising function, and needs more data.
 */
export const CALIBRATION_METHODS = ['temperature', 'platt', 'isotonic'] as const;
export type CalibrationMethod = (typeof CALIBRATION_METHODS)[number];

export type Calibration =
  | ({ readonly method: 'temperature'; readonly slope: number } & Bounded)
  | ({ readonly method: 'platt'; readonly slope: number; readonly intercept: number } & Bounded)
  | { readonly method: 'isotonic'; readonly scores: readonly number[]; readonly precisions: readonly number[] };

interface Bounded {
  /** No confidence is nearer to 0 or 1, however far a score lies beyond those of the fit. @default 0 */
  readonly edge?: number | undefined;
}

/** No number of hits proves that nothing can go wrong (Laplace's rule of succession). */
const edgeOf = (count: number): number => 1 / (count + 2);
const within = (edge: number, probability: number): number => Math.min(1 - edge, Math.max(edge, probability));

/** Below so many scores a free shape follows chance (Niculescu-Mizil & Caruana 2005). */
const ENOUGH_FOR_ISOTONIC = 1000;

/**
 * @param scores 0 to 1, as {@link voteShares} gives of the first label
 * @param hits whether each was right
 * @param method @default isotonic from 1,000 scores on, else platt
 * @throws {FungiError} INVALID_ARGUMENT for no scores, as many hits as there are not, or a score outside 0 to 1
 */
export function fitCalibration(
  scores: readonly number[],
  hits: readonly boolean[],
  method: CalibrationMethod = scores.length >= ENOUGH_FOR_ISOTONIC ? 'isotonic' : 'platt',
): Calibration {
  assertJudged(scores, hits);
  if (method === 'isotonic') return fitIsotonic(scores, hits);
  const { slope, intercept } = fitLogistic(scores.map(logit), hits, method === 'platt');
  const edge = edgeOf(scores.length);
  return method === 'platt' ? { method, slope, intercept, edge } : { method, slope, edge };
}

/** Probability that a score is right. Never falls as the score rises. */
export function calibrated(calibration: Calibration, score: number): number {
  if (calibration.method === 'isotonic') return interpolate(calibration.scores, calibration.precisions, score);
  const intercept = calibration.method === 'platt' ? calibration.intercept : 0;
  return within(calibration.edge ?? 0, 1 / (1 + Math.exp(-(calibration.slope * logit(score) + intercept))));
}

/**
 * Expected calibration error (Naeini et al. 2015): how far confidence and hit rate are apart, averaged over bins of equal width.
 *
 * @throws {FungiError} as {@link fitCalibration}
 */
export function calibrationError(confidences: readonly number[], hits: readonly boolean[], bins = 15): number {
  assertJudged(confidences, hits);
  const gaps = new Float64Array(bins);
  confidences.forEach((confidence, i) => {
    gaps[Math.min(bins - 1, Math.floor(confidence * bins))]! += Number(hits[i]) - confidence;
  });
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / confidences.length;
}

/** @throws {FungiError} INVALID_ARGUMENT */
export function assertJudged(scores: readonly number[], hits: readonly boolean[]): void {
  if (scores.length === 0 || scores.length !== hits.length) {
    throw new FungiError('INVALID_ARGUMENT', `calibration: ${scores.length} scores and ${hits.length} hits`, {
      hint: 'Give a score, and whether it was right, of each of at least one query.',
    });
  }
  const bad = scores.findIndex((score) => !(score >= 0 && score <= 1));
  if (bad !== -1) {
    throw new FungiError('INVALID_ARGUMENT', `calibration: score ${bad} is ${scores[bad]!}, it must be from 0 to 1`, {
      hint: 'Give shares of the vote, or other probabilities.',
    });
  }
}

/** Odds beyond a million to one are no better known. */
function logit(score: number): number {
  const p = Math.min(1 - 1e-6, Math.max(1e-6, score));
  return Math.log(p / (1 - p));
}

/** Newton's method with step halving (Lin, Lin & Weng 2007), on Platt's smoothed targets. A falling curve becomes a level one. */
function fitLogistic(
  x: readonly number[],
  hits: readonly boolean[],
  free: boolean,
): { readonly slope: number; readonly intercept: number } {
  const right = hits.filter(Boolean).length;
  const wrong = hits.length - right;
  const [high, low] = [(right + 1) / (right + 2), 1 / (wrong + 2)];
  const targets = hits.map((hit) => (hit ? high : low));
  const loss = (a: number, b: number): number =>
    x.reduce((sum, value, i) => {
      const z = a * value + b;
      return sum + Math.log1p(Math.exp(-Math.abs(z))) + Math.max(z, 0) - targets[i]! * z;
    }, 0);
  const base = Math.log((right + 1) / (wrong + 1));
  let [slope, intercept] = [0, free ? base : 0];
  let known = loss(slope, intercept);
  for (let round = 0; round < 100; round++) {
    let [ga, gb, haa, hab, hbb] = [0, 0, RIDGE, 0, RIDGE];
    x.forEach((value, i) => {
      const p = 1 / (1 + Math.exp(-(slope * value + intercept)));
      const [error, curve] = [p - targets[i]!, p * (1 - p)];
      ga += error * value;
      gb += error;
      haa += curve * value * value;
      hab += curve * value;
      hbb += curve;
    });
    const det = free ? haa * hbb - hab * hab : haa;
    const da = free ? (hbb * ga - hab * gb) / det : ga / det;
    const db = free ? (haa * gb - hab * ga) / det : 0;
    let step = 1;
    while (step > 1e-10 && loss(slope - step * da, intercept - step * db) > known) step /= 2;
    const next = loss(slope - step * da, intercept - step * db);
    if (!(next < known - 1e-12 * Math.abs(known))) break;
    [slope, intercept, known] = [slope - step * da, intercept - step * db, next];
  }
  return slope >= 0 ? { slope, intercept } : { slope: 0, intercept: free ? base : 0 };
}

const RIDGE = 1e-9;

/** Pool adjacent violators; between the middles of its steps the curve is straight, so that no two scores are told apart by a jump. */
function fitIsotonic(scores: readonly number[], hits: readonly boolean[]): Calibration {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const blocks: { score: number; hits: number; count: number }[] = [];
  let before: number | undefined;
  for (const i of order) {
    const own = { score: scores[i]!, hits: Number(hits[i]), count: 1 };
    // Equal scores are one step, whatever their order.
    if (scores[i] === before) merge(blocks.at(-1)!, own);
    else blocks.push(own);
    before = scores[i];
  }
  const steps: typeof blocks = [];
  for (const block of blocks) {
    steps.push(block);
    while (steps.length > 1 && rate(steps.at(-2)!) >= rate(steps.at(-1)!)) merge(steps.at(-2)!, steps.pop()!);
  }
  const precisions = steps.map((step) => within(edgeOf(scores.length), rate(step)));
  return { method: 'isotonic', scores: steps.map(({ score }) => score), precisions };
}

const rate = ({ hits, count }: { readonly hits: number; readonly count: number }): number => hits / count;

function merge(
  into: { score: number; hits: number; count: number },
  other: { readonly score: number; readonly hits: number; readonly count: number },
): void {
  const count = into.count + other.count;
  into.score = (into.score * into.count + other.score * other.count) / count;
  into.hits += other.hits;
  into.count = count;
}

function interpolate(x: readonly number[], y: readonly number[], at: number): number {
  const next = x.findIndex((value) => value >= at);
  if (next === -1) return y.at(-1)!;
  if (next === 0) return y[0]!;
  const part = (at - x[next - 1]!) / (x[next]! - x[next - 1]!);
  return y[next - 1]! + part * (y[next]! - y[next - 1]!);
}
