/** The losses of paper equations 4 to 6, and of the released code, as loops over float64: nothing shared with src/losses. */
import type { Mode } from '../../src/losses/loss.js';

export type Matrix = readonly (readonly number[])[];

export interface Head {
  /** [D,L]. */
  readonly weight: Matrix;
  readonly bias: readonly number[];
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, x, i) => sum + x * b[i]!, 0);
const unit = (a: readonly number[]): number[] => a.map((x) => x / Math.sqrt(dot(a, a)));
const total = (a: readonly number[]): number => a.reduce((sum, x) => sum + x, 0);
const column = (matrix: Matrix, j: number): number[] => matrix.map((row) => row[j]!);

const latent = (head: Head, x: readonly number[]): number[] =>
  head.bias.map((bias, l) => bias + dot(x, column(head.weight, l)));

/** Latents of unit length. */
export const latents = (views: Matrix, head: Head, normalise: boolean): Matrix =>
  views.map((view) => unit(latent(head, normalise ? unit(view) : view)));

/** The head that changes nothing. */
export const identityHead = (dims: number): Head => ({
  weight: Array.from({ length: dims }, (_, i) => Array.from({ length: dims }, (_, j) => Number(i === j))),
  bias: Array.from({ length: dims }, () => 0),
});

/** KL between softmax(h(f/‖f‖)/T) and the uniform distribution u: `paper` KL(p‖u), `reference` KL(u‖p). */
export function plainKl(
  features: readonly number[],
  head: Head,
  temperature: number,
  mode: Mode,
  normalise = true,
): number {
  const z = latent(head, normalise ? unit(features) : features).map((x) => x / temperature);
  const partition = total(z.map(Math.exp));
  const p = z.map((x) => Math.exp(x) / partition);
  const u = 1 / p.length;
  return total(p.map((q) => (mode === 'paper' ? q * Math.log(q / u) : u * Math.log(u / q))));
}

/** InfoNCE over the ordered pairs of an item's views; `reference` leaves the sum below the fraction untempered. */
export function plainSimclr(
  views: Matrix,
  head: Head,
  negatives: Matrix,
  temperature: number,
  mode: Mode,
  normalise = false,
): number {
  const z = latents(views, head, normalise);
  const below = mode === 'paper' ? temperature : 1;
  const losses = z.flatMap((anchor, i) => {
    const others = z.filter((_, k) => k !== i);
    const rivals = [...others, ...negatives[0]!.map((_, n) => column(negatives, n))];
    const sum = total(rivals.map((rival) => Math.exp(dot(anchor, rival) / below)));
    return others.map((positive) => -Math.log(Math.exp(dot(anchor, positive) / temperature) / sum));
  });
  return total(losses) / losses.length;
}

const softmax = (z: readonly number[], temperature: number): number[] => {
  const powers = z.map((x) => Math.exp((x - Math.max(...z)) / temperature));
  return powers.map((power) => power / total(powers));
};

export interface PlainDino {
  readonly student: Head;
  readonly teacher: Head;
  readonly studentTemperature: number;
  readonly teacherTemperature: number;
  readonly globals: number;
  readonly normalise: boolean;
  readonly sameView: boolean;
}

/**
 * Cross-entropies between all crops and the global ones.
 *
 * @param taught what the teacher sees, which the derivative leaves as it is
 */
export function plainDino(views: Matrix, taught: Matrix, options: PlainDino): number {
  const { student, teacher, studentTemperature, teacherTemperature, globals, normalise, sameView } = options;
  const ready = (x: readonly number[]): readonly number[] => (normalise ? unit(x) : x);
  const losses = taught.slice(0, globals).flatMap((seen, t) => {
    const p = softmax(latent(teacher, ready(seen)), teacherTemperature);
    return views.map((view, s) => {
      if (!sameView && s === t) return 0;
      const q = softmax(latent(student, ready(view)), studentTemperature);
      return total(p.map((x, l) => -x * Math.log(q[l]!)));
    });
  });
  return total(losses);
}

/** @param weight [D,L] @param prototypes of each set, [L,K] */
export function plainDeepCluster(
  views: Matrix,
  weight: Matrix,
  prototypes: readonly Matrix[],
  globals: number,
  temperature: number,
): number {
  const head = { weight, bias: weight[0]!.map(() => 0) };
  const z = views.map((view) => unit(latent(head, view)));
  const losses = prototypes.flatMap((set, s) => {
    const scores = z.map((row) => set[0]!.map((_, k) => dot(row, column(set, k))));
    const assigning = scores[s % globals]!;
    const assigned = assigning.indexOf(Math.max(...assigning));
    return scores.map((row) => -Math.log(softmax(row, temperature)[assigned]!));
  });
  return total(losses) / losses.length;
}

/** ∂f/∂x by central differences of fourth order. */
export function gradient(f: (x: readonly number[]) => number, x: readonly number[], h: number): number[] {
  return x.map((center, i) => {
    const at = (shift: number): number => f(x.with(i, center + shift));
    return (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
  });
}
