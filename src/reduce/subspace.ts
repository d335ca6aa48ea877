/**
 * The leading eigenpairs of a large positive semi-definite matrix, by orthogonal iteration with Chebyshev polynomials (Rutishauser
 * 1969; Saad, Numerical Methods for Large Eigenvalue Problems, 2nd ed., §5.3 and §7.4). Nearly all the work is matrix products.
 *
 * Axes: n the matrix, P the pairs asked for, S = P and some more. The block is kept as rows [S,n].
 */
import { FungiError } from '../core/errors.js';
import { Rng } from '../core/rng.js';
import { matmul, type LinalgOptions } from '../runtime/linalg.js';
import { fixSigns, powerOfTwoScale, symmetricEigen, type Eigenpairs } from './eigen.js';
import { inverseFactor } from './inverse-factor.js';
import { dot } from './triangular.js';

export interface SubspaceOptions extends LinalgOptions {
  /** ‖Av − λv‖ ≤ tolerance · λ₁ for every pair returned, unless `converged` is false. @default 1e-8 */
  readonly tolerance?: number;
  /** Seed of the random start. @default 0 */
  readonly seed?: number;
}

export interface LeadingPairs extends Eigenpairs {
  /** Largest ‖Av − λv‖ / λ₁ of the pairs. */
  readonly residual: number;
  readonly converged: boolean;
}

/** S/P. Convergence feeds on the gap between λ_P and λ_S; more rows widen it and cost more a step. */
const OVERSAMPLING = 1.25;
/** A block of more than this share of n is no cheaper than the whole eigenproblem. */
const FULL_SHARE = 0.8;
/** A polynomial may stretch the block's directions apart by this much before it is orthonormalised again. */
const MAX_STRETCH = 1e12;
const MAX_DEGREE = 16;
/** Small against λ₁, which is at least 1 after scaling. */
const POWER_CUT = 1e-6;
const MAX_STEPS = 32;
/** Cholesky QR passes of one orthonormalisation: a stretch of MAX_STRETCH is gone after three. */
const MAX_PASSES = 5;
/** A row of which less than this was left by the rows before it is orthonormalised again: rounding had a say in it. */
const WEAK_ROW = 1e-3;

/**
 * The `count` largest eigenpairs of a symmetric positive semi-definite `matrix` [n,n]. The same input gives the same output on the
 * same machine. Eigenvalues that lie close together around λ_P cost more steps; after {@link MAX_STEPS} the pairs are returned as
 * they are, orthonormal all the same, with `converged: false`.
 *
 * @throws {FungiError} INVALID_ARGUMENT for another size, a count outside 1 … n, or an entry that is not finite
 */
export async function leadingEigen(
  matrix: Float64Array,
  n: number,
  count: number,
  options: SubspaceOptions = {},
): Promise<LeadingPairs> {
  if (matrix.length !== n * n || !Number.isInteger(count) || count < 1 || count > n) {
    throw new FungiError('INVALID_ARGUMENT', `leadingEigen: ${count} pairs of ${matrix.length} values as ${n} × ${n}`);
  }
  const scale = powerOfTwoScale(matrix);
  if (matrix.every((value) => value === 0)) {
    const vectors = new Float64Array(count * n);
    for (let i = 0; i < count; i++) vectors[i * n + i] = 1;
    return { values: new Float64Array(count), vectors, residual: 0, converged: true };
  }
  const size = Math.ceil(count * OVERSAMPLING) + 8;
  if (size > FULL_SHARE * n) {
    const { values, vectors } = symmetricEigen(matrix, n);
    return { values: values.slice(0, count), vectors: vectors.slice(0, count * n), residual: 0, converged: true };
  }
  const scaled = matrix.map((value) => value / scale);
  const pairs = await new OrthogonalIteration(scaled, n, size, count, options).run();
  return { ...pairs, values: pairs.values.map((value) => value * scale) };
}

/** What the Rayleigh quotients of the block's rows say about the spectrum. */
interface Spectrum {
  /** λ₁ */
  readonly largest: number;
  /** λ_P, or what the tolerance makes of it */
  readonly wanted: number;
  /** λ_S: what is smaller is to be damped. */
  readonly cut: number;
}

interface RitzPairs {
  readonly values: Float64Array;
  /** Rows [S,n] and their image under the matrix. */
  readonly x: Float64Array;
  readonly ax: Float64Array;
  readonly residual: number;
}

class OrthogonalIteration {
  private readonly tolerance: number;
  private readonly seed: number;
  private readonly linalg: LinalgOptions;

  constructor(
    private readonly matrix: Float64Array,
    private readonly n: number,
    private readonly size: number,
    private readonly count: number,
    { tolerance = 1e-8, seed = 0, ...linalg }: SubspaceOptions,
  ) {
    this.tolerance = tolerance;
    this.seed = seed;
    this.linalg = linalg;
  }

  async run(): Promise<LeadingPairs> {
    const { n, size, tolerance } = this;
    const start = Float64Array.from(Rng.stream(this.seed, 'subspace').uniform(size * n, 1));
    // A power step first: only then do the rows' Rayleigh quotients tell something. Its −I keeps the rank where A has less.
    let x = await this.orthonormalise(await this.chebyshev(start, await this.apply(start), POWER_CUT, 1));
    // Logarithms of how far the wanted directions have been lifted above the others, and of how far they have to be.
    let lifted = 0;
    let missing: number | undefined;
    for (let step = 1; ; step++) {
      let ax = await this.apply(x);
      const spectrum = this.spectrum(x, ax);
      const goal = missing ?? Math.log((10 * spectrum.wanted) / (tolerance * spectrum.largest));
      if (lifted >= goal || isCheckpoint(step)) {
        const ritz = await this.rayleighRitz(x, ax);
        if (ritz.residual <= tolerance || step === MAX_STEPS) return this.leading(ritz);
        ({ x, ax } = ritz);
        lifted = 0;
        missing = Math.log((2 * ritz.residual) / tolerance);
      }
      const degree = degreeFor(spectrum);
      x = await this.orthonormalise(await this.chebyshev(x, ax, spectrum.cut, degree));
      lifted += logChebyshev(degree, spectrum.wanted, spectrum.cut);
    }
  }

  private apply(x: Float64Array): Promise<Float64Array> {
    return matmul(x, this.matrix, { m: this.size, k: this.n, n: this.n }, this.linalg);
  }

  private spectrum(x: Float64Array, ax: Float64Array): Spectrum {
    const quotients = Float64Array.from({ length: this.size }, (_, i) => dot(x, i * this.n, ax, i * this.n, this.n));
    quotients.sort().reverse();
    const largest = quotients[0]!;
    // Eigenvalues under the tolerance need no telling apart.
    const cut = Math.max(quotients.at(-1)!, this.tolerance * largest);
    return { largest, cut, wanted: Math.max(quotients[this.count - 1]!, 2 * this.tolerance * largest) };
  }

  /** T_degree(2A/cut − I) x: at most 1 on the eigenvalues in [0, cut], fast growing above. */
  private async chebyshev(x: Float64Array, ax: Float64Array, cut: number, degree: number): Promise<Float64Array> {
    const scale = 2 / cut;
    let previous = x;
    let current: Float64Array = ax.map((value, i) => scale * value - x[i]!);
    for (let k = 2; k <= degree; k++) {
      const next = await this.apply(current);
      for (let i = 0; i < next.length; i++) next[i] = 2 * (scale * next[i]! - current[i]!) - previous[i]!;
      previous = current;
      current = next;
    }
    return current;
  }

  /** Orthonormal rows of the same span: Cholesky QR (shifted, Fukaya et al. 2020) on unit rows, repeated while a row is weak. */
  private async orthonormalise(x: Float64Array): Promise<Float64Array> {
    const { n, size, linalg } = this;
    let rows = x;
    for (let weakest = 0, pass = 0; weakest < WEAK_ROW && pass < MAX_PASSES; pass++) {
      normaliseRows(rows, size, n);
      const gram = await matmul(rows, rows, { m: size, k: n, n: size, transB: true }, linalg);
      const inverse = await inverseFactor(gram, size, safeShift(gram, size, n), linalg);
      weakest = 1 / inverse.reduce((max, value, at) => (at % (size + 1) === 0 ? Math.max(max, value) : max), 1);
      rows = await matmul(inverse, rows, { m: size, k: size, n }, linalg);
    }
    return rows;
  }

  /** Eigenpairs of the matrix restricted to the block's span; the block need be orthonormal only roughly. */
  private async rayleighRitz(x: Float64Array, ax: Float64Array): Promise<RitzPairs> {
    const { n, size, linalg } = this;
    const square = { m: size, k: size, n: size };
    const inner = { m: size, k: n, n: size, transB: true };
    const gram = await matmul(x, x, inner, linalg);
    const inverse = await inverseFactor(gram, size, safeShift(gram, size, n), linalg);
    const half = await matmul(inverse, await matmul(ax, x, inner, linalg), square, linalg);
    const projected = await matmul(half, inverse, { ...square, transB: true }, linalg);
    const { values, vectors } = symmetricEigen(projected, size);
    const turn = await matmul(vectors, inverse, square, linalg);
    const ritz = await matmul(turn, x, { m: size, k: size, n }, linalg);
    const image = await matmul(turn, ax, { m: size, k: size, n }, linalg);
    let worst = 0;
    for (let i = 0; i < this.count; i++) {
      let square = 0;
      for (let j = i * n; j < (i + 1) * n; j++) square += (image[j]! - values[i]! * ritz[j]!) ** 2;
      worst = Math.max(worst, Math.sqrt(square));
    }
    return { values, x: ritz, ax: image, residual: worst / values[0]! };
  }

  private leading({ values, x, residual }: RitzPairs): LeadingPairs {
    const vectors = x.slice(0, this.count * this.n);
    fixSigns(vectors, this.count, this.n);
    return { values: values.slice(0, this.count), vectors, residual, converged: residual <= this.tolerance };
  }
}

/** Steps at which convergence is looked at even though none is foreseen: where eigenvalues are equal, none is needed. */
const isCheckpoint = (step: number): boolean => step === 8 || step === 16 || step === MAX_STEPS;

function degreeFor({ largest, cut }: Spectrum): number {
  let degree = 1;
  while (degree < MAX_DEGREE && logChebyshev(degree + 1, largest, cut) <= Math.log(MAX_STRETCH)) degree++;
  return degree;
}

/** ln T_degree(2 value / cut − 1), from T_k(t) ≈ e^(k·arcosh t)/2 above the interval; 0 inside it. */
function logChebyshev(degree: number, value: number, cut: number): number {
  return Math.max(0, degree * Math.acosh(Math.max(1, (2 * value) / cut - 1)) - Math.LN2);
}

/**
 * What makes up for the rounding in a Gram matrix of `size` rows of n entries and in its factor, 8ε(n + size)·‖G‖ (Fukaya et al. 2020,
 * §3, with the ∞-norm for the 2-norm). It has to grow with ‖G‖: rows that a polynomial made nearly parallel have ‖G‖ near `size`, and
 * with a smaller shift a pivot comes out negative.
 */
function safeShift(gram: Float64Array, size: number, n: number): number {
  let norm = 0;
  for (let i = 0; i < size; i++) {
    let sum = 0;
    for (let j = i * size; j < (i + 1) * size; j++) sum += Math.abs(gram[j]!);
    norm = Math.max(norm, sum);
  }
  return 8 * Number.EPSILON * (n + size) * norm;
}

function normaliseRows(x: Float64Array, rows: number, n: number): void {
  for (let i = 0; i < rows; i++) {
    const norm = Math.sqrt(dot(x, i * n, x, i * n, n));
    if (norm > 0) for (let j = i * n; j < (i + 1) * n; j++) x[j]! /= norm;
  }
}
