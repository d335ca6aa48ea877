/** The three projections against whole gradients, which only tests build. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pooling } from '../../src/encoders/encoder.js';
import type { Factors } from '../../src/engine/engine.js';
import type { GradientEngine } from '../../src/engine/engine.js';
import { denseProjection, seededMatrix } from '../../src/features/dense-projection.js';
import { landmarkProjection } from '../../src/features/landmarks.js';
import { truncated } from '../../src/features/low-rank.js';
import { kl } from '../../src/losses/kl.js';
import { ENTRIES } from '../../src/reduce/random-matrix.js';
import { relativeError } from '../support/golden.js';
import { tinyExtractor, tinyPool } from '../support/tiny-extractor.js';

const D = 32;
const C = D + 1;

/** G = Σ_r δ_r ⊗ [x_r; 1], [O, I+1] at unit norm. */
function whole({ delta, x, terms }: Factors): Float64Array {
  const out = new Float64Array(D * C);
  for (let r = 0; r < terms; r++)
    for (let o = 0; o < D; o++)
      for (let i = 0; i < C; i++) out[o * C + i]! += delta[r * D + o]! * (i === D ? 1 : x[r * D + i]!);
  const norm = Math.hypot(...out);
  return out.map((value) => value / norm);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

describe.each<Pooling>(['first', 'mean'])('pooling %s', (pooling) => {
  let engine: GradientEngine;
  let factors: readonly Factors[];
  let project: (parts: Awaited<ReturnType<typeof landmarkProjection>>, rank: number) => Promise<Float32Array[]>;
  const distinct = [...new Set(tinyPool)];

  beforeAll(async () => {
    const made = await tinyExtractor(pooling, 'nystrom');
    engine = made.engine;
    const head = Object.fromEntries(
      Object.entries(made.artefacts.tensors).filter(([name]) => name.startsWith('kl.head')),
    );
    const loss = kl({ mode: 'paper', latent: 24 });
    const states = await engine.encode(distinct);
    const places = distinct.map((_, i) => [i]);
    ({ factors } = await (await engine.program({ loss, gradient: { kind: 'factors' } }, head)).run(states, places));
    project = async (parts, rank) => {
      const width = parts['mix']!.shape[0]!;
      const program = await engine.program(
        { loss, gradient: { kind: 'bilinear', count: width, rank, mixed: width } },
        {
          ...head,
          'fungi.left': parts['left']!,
          'fungi.right': parts['right']!,
          'fungi.bias': parts['bias']!,
          'fungi.mix': parts['mix']!,
        },
      );
      const { block } = await program.run(states, places);
      return distinct.map((_, i) => {
        const row = block.slice(i * width, (i + 1) * width);
        const norm = Math.hypot(...row);
        return row.map((value) => value / norm);
      });
    };
  });
  afterAll(() => engine.close());

  it('Nyström keeps the inner products of whole gradients where the landmarks span them', async () => {
    const rank = pooling === 'first' ? 1 : Math.max(...factors.map(({ terms }) => terms));
    const landmarks = factors.map((f) => truncated(f, engine.info.target, rank)!);
    const blocks = await project(await landmarkProjection(landmarks, engine.info.target), rank);
    const gradients = factors.map(whole);
    let worst = 0;
    gradients.forEach((a, i) => {
      gradients.forEach((b, j) => {
        worst = Math.max(worst, Math.abs(dot(a, b) - dot(blocks[i]!, blocks[j]!)));
      });
    });
    expect(worst).toBeLessThan(2e-2); // landmarks that the others explain to 1e-3 of their square are left out
  });

  it('truncation leaves the best low-rank approximation', () => {
    for (const f of factors) {
      const g = whole(f);
      for (const rank of [1, 2]) {
        const { left, right, bias } = truncated(f, engine.info.target, rank)!;
        let overlap = 0;
        expect(bias.length).toBe(Math.min(rank, f.terms));
        for (let k = 0; k < bias.length; k++)
          for (let o = 0; o < D; o++)
            for (let i = 0; i < C; i++)
              overlap += left[k * D + o]! * (i === D ? bias[k]! : right[k * D + i]!) * g[o * C + i]!;
        // ⟨G, G_r⟩ of unit matrices is √(Σ_{k≤r} σ_k²), the most any matrix of that rank can have.
        expect(overlap).toBeGreaterThan(largestOverlap(g, rank) - 1e-4);
        expect(overlap).toBeLessThan(1 + 1e-9);
      }
    }
  });

  it('truncation wastes no term on rows that repeat each other', () => {
    const [one, other] = [factors[0]!, factors[1]!];
    const rows = (part: 'delta' | 'x') => {
      const [a, b] = [one[part].subarray(0, D), other[part].subarray(0, D)];
      return Float32Array.from([...a, ...a, ...b.map((value) => value / 10)]);
    };
    const f: Factors = { delta: rows('delta'), x: rows('x'), terms: 3 };
    const { left, right, bias } = truncated(f, engine.info.target, 2)!;
    expect(bias).toHaveLength(2);
    const g = whole(f);
    const approximation = Float64Array.from({ length: D * C }, (_, at) => {
      const [o, i] = [Math.floor(at / C), at % C];
      return [0, 1].reduce((sum, k) => sum + left[k * D + o]! * (i === D ? bias[k]! : right[k * D + i]!), 0);
    });
    expect(relativeError(approximation, g)).toBeLessThan(1e-6); // G has rank 2
  });

  it('dense calls under way at once do not meet each other', async () => {
    const { target } = engine.info;
    const project = denseProjection(target, 12, seededMatrix('binary', 9, target, 12));
    const groups = [factors.slice(0, 5), factors.slice(5)];
    const together = await Promise.all(groups.map(project));
    for (const [i, group] of groups.entries()) expect(together[i]).toEqual(await project(group));
  });

  it('dense is the same of an item with many terms, whose gradient is made by one product', async () => {
    const M = 12;
    const { target } = engine.info;
    const project = denseProjection(target, M, seededMatrix('binary', 9, target, M));
    // Every term of an item a few hundred times, each time a part of it.
    const times = Math.ceil(2100 / factors[1]!.terms);
    const repeated = (part: Float32Array, scale: number): Float32Array =>
      Float32Array.from({ length: times * part.length }, (_, at) => part[at % part.length]! * scale);
    const { delta, x, terms } = factors[1]!;
    const many = { delta: repeated(delta, 1 / times), x: repeated(x, 1), terms: times * terms };
    const [few, one, other] = [factors[0]!, factors[1]!, factors[2]!];
    const rows = await project([few, many, other]);
    const expected = await project([few, one, other]);
    const rowOf = (all: Float32Array, item: number): Float32Array => {
      const row = all.subarray(item * M, (item + 1) * M);
      return row.map((value) => value / Math.hypot(...row)); // a common factor of an item's block is nothing
    };
    for (let item = 0; item < 3; item++)
      expect(relativeError(rowOf(rows, item), rowOf(expected, item))).toBeLessThan(1e-5);
  });

  it.each(ENTRIES)('dense is R·vec(G), tile by tile, with %s entries', async (entries) => {
    const M = 12;
    const matrix = seededMatrix(entries, 9, engine.info.target, M);
    const rows = await denseProjection(engine.info.target, M, matrix)(factors);
    const drawn = Array.from({ length: D }, (_, row) => matrix(row));
    factors.forEach((f, item) => {
      const g = whole(f);
      const expected = Array.from({ length: M }, (_, m) =>
        dot(
          g,
          g.map((_v, at) => drawn[Math.floor(at / C)]![(at % C) * M + m]!),
        ),
      );
      const scale = Math.hypot(...expected);
      const own = rows.subarray(item * M, (item + 1) * M);
      const norm = Math.hypot(...own);
      expect(
        relativeError(
          own.map((v) => v / norm),
          expected.map((v) => v / scale),
        ),
      ).toBeLessThan(1e-5);
    });
  });
});

/** √(Σ σ²) of the leading singular values, by plain power iteration with deflation on GᵀG. */
function largestOverlap(g: Float64Array, rank: number): number {
  const rest = Float64Array.from(g);
  let squares = 0;
  for (let k = 0; k < rank; k++) {
    let v = Float64Array.from({ length: C }, (_, i) => Math.sin(i + 1));
    let sigma = 0;
    for (let round = 0; round < 2000; round++) {
      const u = Float64Array.from({ length: D }, (_, o) => dot(rest.subarray(o * C, (o + 1) * C), v));
      const next = new Float64Array(C);
      for (let o = 0; o < D; o++) for (let i = 0; i < C; i++) next[i]! += rest[o * C + i]! * u[o]!;
      const norm = Math.hypot(...next);
      if (norm === 0) return Math.sqrt(squares);
      sigma = Math.sqrt(norm / Math.hypot(...v));
      v = next.map((value) => value / norm);
    }
    squares += sigma ** 2;
    const u = Float64Array.from({ length: D }, (_, o) => dot(rest.subarray(o * C, (o + 1) * C), v));
    for (let o = 0; o < D; o++) for (let i = 0; i < C; i++) rest[o * C + i]! -= u[o]! * v[i]!;
  }
  return Math.sqrt(squares);
}
