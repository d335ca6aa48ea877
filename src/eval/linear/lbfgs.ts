/** Limited-memory BFGS (Nocedal & Wright 2006, Algorithms 7.4 and 7.5): minimises a smooth function of many variables. */
import { FungiError } from '../../core/errors.js';
import { dot, wolfeStep, type Evaluation, type Objective, type Position } from './line-search.js';

export interface MinimiseOptions {
  /** Whether a position is good enough. */
  readonly converged: (at: Evaluation) => boolean;
  readonly maxIterations: number;
  /** Called after each iteration. */
  readonly onIteration?: (iteration: number) => void;
}

export interface Minimum extends Position {
  readonly iterations: number;
  /** Evaluations of the function: an iteration takes one, and more where its first step does not do. */
  readonly evaluations: number;
  /** `no-step`: no step improved on the position, as when the gradient is wrong or rounding is all that is left. */
  readonly stopped: 'converged' | 'iterations' | 'no-step';
}

/** How the gradient changed over a step: what is known of the curvature. */
interface Change {
  readonly step: Float64Array;
  readonly gradient: Float64Array;
  /** 1 / (step · gradient) */
  readonly rho: number;
}

/** Changes that are remembered. */
const MEMORY = 10;

/**
 * @param start [x]
 * @throws {FungiError} INVALID_ARGUMENT when `maxIterations` is not a whole number from 0; RUNTIME_FAILED when value or gradient are
 *   not finite at the start
 */
export async function minimise(
  objective: Objective,
  start: Float64Array,
  { converged, maxIterations, onIteration }: MinimiseOptions,
): Promise<Minimum> {
  if (!Number.isSafeInteger(maxIterations) || maxIterations < 0) {
    throw new FungiError('INVALID_ARGUMENT', `iterations must be a whole number from 0, got ${maxIterations}`);
  }
  let evaluations = 0;
  const counted: Objective = (point) => {
    evaluations++;
    return objective(point);
  };
  let at: Position = { point: start, ...(await counted(start)) };
  if (!Number.isFinite(at.value) || !at.gradient.every(Number.isFinite)) {
    throw new FungiError(
      'RUNTIME_FAILED',
      `the function to minimise is ${at.value} at the start, or its gradient is not finite`,
    );
  }
  let changes: readonly Change[] = [];
  for (let iteration = 0; ; iteration++) {
    const end = (stopped: Minimum['stopped']): Minimum => ({ ...at, iterations: iteration, evaluations, stopped });
    if (converged(at)) return end('converged');
    if (iteration >= maxIterations) return end('iterations');

    let next = await wolfeStep(counted, at, direction(changes, at.gradient), firstStep(changes, at.gradient));
    if (next === undefined && changes.length > 0) {
      // What is remembered may mislead; the steepest descent does not.
      changes = [];
      next = await wolfeStep(counted, at, direction(changes, at.gradient), firstStep(changes, at.gradient));
    }
    if (next === undefined) return end('no-step');
    changes = remember(changes, at, next);
    at = next;
    onIteration?.(iteration + 1);
  }
}

/** A quasi-Newton direction is of the right length; the steepest descent says nothing about it. */
const firstStep = (changes: readonly Change[], gradient: Float64Array): number =>
  changes.length > 0 ? 1 : Math.min(1, 1 / Math.sqrt(dot(gradient, gradient)));

function remember(changes: readonly Change[], from: Position, to: Position): readonly Change[] {
  const step = to.point.map((value, i) => value - from.point[i]!);
  const gradient = to.gradient.map((value, i) => value - from.gradient[i]!);
  const curvature = dot(step, gradient);
  // A change without positive curvature would make the next direction ascend.
  if (!(curvature > Number.EPSILON * Math.sqrt(dot(step, step) * dot(gradient, gradient)))) return changes;
  return [...changes, { step, gradient, rho: 1 / curvature }].slice(-MEMORY);
}

/** −H·gradient, H the inverse Hessian as far as the changes tell (the two-loop recursion). */
function direction(changes: readonly Change[], gradient: Float64Array): Float64Array {
  const out = gradient.map((value) => -value);
  const newestFirst = [...changes].reverse();
  const shares = newestFirst.map((change) => {
    const share = change.rho * dot(change.step, out);
    addScaled(out, -share, change.gradient);
    return share;
  });
  const newest = newestFirst[0];
  if (newest !== undefined) {
    const scale = 1 / (newest.rho * dot(newest.gradient, newest.gradient));
    for (let i = 0; i < out.length; i++) out[i]! *= scale;
  }
  changes.forEach((change, i) => {
    const share = change.rho * dot(change.gradient, out);
    addScaled(out, shares[changes.length - 1 - i]! - share, change.step);
  });
  return out;
}

function addScaled(out: Float64Array, scale: number, values: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i]! += scale * values[i]!;
}
