/** How far to go along a direction: a step that meets the strong Wolfe conditions (Nocedal & Wright 2006, Algorithms 3.5 and 3.6). */

export interface Evaluation {
  readonly value: number;
  /** [x] */
  readonly gradient: Float64Array;
}

/** A function of many variables and its gradient. The gradient it returns belongs to the caller. */
export type Objective = (point: Float64Array) => Promise<Evaluation>;

export interface Position extends Evaluation {
  /** [x] */
  readonly point: Float64Array;
}

interface Trial extends Position {
  readonly step: number;
  /** Derivative along the direction. */
  readonly slope: number;
}

/** Share of the decrease which the slope promises that a step must bring. */
const DECREASE = 1e-4;
/** Share of the slope that a step may leave: what quasi-Newton directions call for. */
const CURVATURE = 0.9;
/** Near a minimum the decrease drowns in the rounding of the value, and only the slope tells good steps from bad. */
const VALUE_ROUNDING = 1e-13;
const MOST_EXPANSIONS = 20;
const MOST_ZOOMS = 30;

/**
 * @param direction one of descent [x]
 * @param first the step to try first
 * @returns where the step leads; undefined when none was found, as along a direction that does not descend
 */
export async function wolfeStep(
  objective: Objective,
  from: Position,
  direction: Float64Array,
  first: number,
): Promise<Position | undefined> {
  const slope = dot(from.gradient, direction);
  if (!(slope < 0)) return undefined;
  const rounding = VALUE_ROUNDING * Math.abs(from.value);

  const take = async (step: number): Promise<Trial> => {
    const point = from.point.map((value, i) => value + step * direction[i]!);
    const { value, gradient } = await objective(point);
    return { point, value, gradient, step, slope: dot(gradient, direction) };
  };
  const decreases = ({ step, value }: Trial): boolean => value <= from.value + DECREASE * step * slope + rounding;
  const worse = (trial: Trial, than: Trial): boolean => trial.value > than.value + rounding;
  const suits = (trial: Trial): boolean => decreases(trial) && Math.abs(trial.slope) <= -CURVATURE * slope;

  /** Between the best step so far and one on the other side of a minimum. */
  const zoom = async (best: Trial, other: Trial): Promise<Position | undefined> => {
    let [low, high] = [best, other];
    for (let i = 0; i < MOST_ZOOMS; i++) {
      const trial = await take(between(low, high));
      if (suits(trial)) return trial;
      if (!decreases(trial) || worse(trial, low)) {
        high = trial;
      } else {
        if (trial.slope * (high.step - low.step) >= 0) high = low;
        low = trial;
      }
    }
    return low.value < from.value ? low : undefined;
  };

  let last: Trial = { ...from, step: 0, slope };
  let step = first;
  for (let i = 0; i < MOST_EXPANSIONS; i++) {
    const trial = await take(step);
    if (suits(trial)) return trial;
    if (!decreases(trial) || (i > 0 && worse(trial, last))) return zoom(last, trial);
    if (trial.slope >= 0) return zoom(trial, last);
    last = trial;
    step *= 2;
  }
  return last.value < from.value ? last : undefined;
}

/** Minimum of the cubic through both ends, kept off the ends themselves; the middle where there is no such cubic. */
function between(a: Trial, b: Trial): number {
  const width = b.step - a.step;
  const d1 = a.slope + b.slope - (3 * (a.value - b.value)) / (a.step - b.step);
  const d2 = Math.sign(width) * Math.sqrt(d1 * d1 - a.slope * b.slope);
  const share = 1 - (b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2);
  return a.step + width * (Number.isFinite(share) ? Math.min(0.9, Math.max(0.1, share)) : 0.5);
}

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}
