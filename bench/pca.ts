/**
 * The parts of fitting a PCA, in one run: covariance of n rows, leading P components by subspace iteration beside all of them by the
 * full solver and by SciPy (when the Python of FUNGI_PYTHON has it), and the pivoted Cholesky factor of Nyström features.
 *
 *     npx tsx bench/pca.ts [F=1792] [P=512] [n=4096] [--full]
 *
 * The full solver takes 9·F³ operations on one core, so above F = 1024 it runs only with --full. Rows are made with a spectrum that
 * falls like that of BERT embeddings joined with KL gradients (Banking-77: λ₅₁₂/λ₁ = 1e-3).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../src/core/config.js';
import { Rng } from '../src/core/rng.js';
import { inverseTranspose, pivotedCholesky } from '../src/reduce/cholesky.js';
import { CovarianceAccumulator } from '../src/reduce/covariance.js';
import { symmetricEigen } from '../src/reduce/eigen.js';
import { leadingEigen } from '../src/reduce/subspace.js';
import { matmul } from '../src/runtime/linalg.js';

const [F = 1792, P = 512, n = 4096] = process.argv
  .slice(2)
  .filter((arg) => !arg.startsWith('-'))
  .map(Number);
const full = process.argv.includes('--full') || F <= 1024;

async function timed<T>(label: string, run: () => T | Promise<T>, operations?: number): Promise<T> {
  const began = performance.now();
  const result = await run();
  const seconds = (performance.now() - began) / 1000;
  const rate = operations === undefined ? '' : `  ${(operations / seconds / 1e9).toFixed(1)} GFLOP/s`;
  console.log(`${label.padEnd(48)} ${seconds.toFixed(2).padStart(7)} s${rate}`);
  return result;
}

/** Rows G·diag(s)·H with random H: s falls by a power law. */
async function sample(): Promise<Float32Array> {
  const latent = Rng.stream(1, 'latent').uniform(n * F, 1);
  for (let i = 0; i < latent.length; i++) latent[i]! *= (1 + (i % F)) ** -0.55;
  const mixing = Rng.stream(1, 'mixing').uniform(F * F, Math.sqrt(3 / F));
  return matmul(latent, mixing, { m: n, k: F, n: F });
}

function scipy(matrix: Float64Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'fungi-bench-'));
  try {
    const file = join(folder, 'matrix.f64');
    writeFileSync(file, matrix);
    const script = `
import time, numpy, scipy.linalg
a = numpy.fromfile(${JSON.stringify(file)}).reshape(${F}, ${F})
for label, subset in (("leading ${P}", (${F - P}, ${F - 1})), ("all", None)):
    t = time.perf_counter(); scipy.linalg.eigh(a, subset_by_index=subset); print("SciPy eigh, %-36s %7.2f s" % (label, time.perf_counter() - t))`;
    return execFileSync(readConfig().python, ['-c', script], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trimEnd();
  } catch {
    return 'SciPy: not in this Python';
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const rows = await sample();
const square = new Float64Array(F * F).fill(1e-3);
await matmul(square, square, { m: F, k: F, n: F });
await timed(
  'float64 product F × F × F, the machine’s speed',
  () => matmul(square, square, { m: F, k: F, n: F }),
  2 * F ** 3,
);
const accumulator = new CovarianceAccumulator(F);
await timed(`covariance of ${n} rows`, () => accumulator.add(rows), n * F * F);
const { covariance } = await accumulator.moments();

const leading = await timed(`subspace iteration, leading ${P} of ${F}`, () => leadingEigen(covariance, F, P));
console.log(
  `  largest residual ‖Av − λv‖/λ₁ ${leading.residual.toExponential(1)}, λ_P/λ₁ ${(leading.values[P - 1]! / leading.values[0]!).toExponential(1)}`,
);
if (full) {
  const all = await timed(`full solver, all ${F}`, () => symmetricEigen(covariance, F), 9 * F ** 3);
  const worst = leading.values.reduce((max, value, i) => Math.max(max, Math.abs(value / all.values[i]! - 1)), 0);
  console.log(`  largest relative difference of an eigenvalue ${worst.toExponential(1)}`);
}
console.log(scipy(covariance));

for (const m of [1024, 1536]) {
  const points = Rng.stream(2, 'points').uniform(m * 2 * m, 1);
  const kernel = await matmul(Float64Array.from(points), Float64Array.from(points), {
    m,
    k: 2 * m,
    n: m,
    transB: true,
  });
  const { factor, rank } = await timed(
    `pivoted Cholesky, ${m} landmarks`,
    () => pivotedCholesky(kernel, m, 1e-6),
    m ** 3 / 3,
  );
  await timed(`inverse of its factor, ${rank}`, () => inverseTranspose(factor, rank), m ** 3 / 3);
}
