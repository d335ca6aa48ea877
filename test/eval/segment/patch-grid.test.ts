import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Picture } from '../../../src/core/content.js';
import { Rng } from '../../../src/core/rng.js';
import { drawPatches } from '../../../src/eval/segment/draw-patches.js';
import { patchTokens, tileViews } from '../../../src/eval/segment/patch-grid.js';
import { lookAt } from '../../../src/eval/segment/scene-copies.js';
import { tokenGrid } from '../../../src/views/token-grid.js';

const picture = (width: number, height: number): Picture => ({
  ...{ modality: 'image', digest: 'd', name: 'p.png', bytes: new Uint8Array(0) },
  ...{ width, height },
});

describe('which tokens are patches', () => {
  it.each([
    ['DINOv2 at 224', 257, 224, 224, { rows: 16, columns: 16, first: 1, patch: 14 }],
    ['DINOv2 with registers', 261, 224, 224, { rows: 16, columns: 16, first: 5, patch: 14 }],
    ['ViT-B/16', 197, 224, 224, { rows: 14, columns: 14, first: 1, patch: 16 }],
    ['DeiT with a distillation token', 198, 224, 224, { rows: 14, columns: 14, first: 2, patch: 16 }],
    ['ViT-B/8', 785, 224, 224, { rows: 28, columns: 28, first: 1, patch: 8 }],
    ['SigLIP, which has no class token', 196, 224, 224, { rows: 14, columns: 14, first: 0, patch: 16 }],
    ['DINO at 512', 1025, 512, 512, { rows: 32, columns: 32, first: 1, patch: 16 }],
    ['a wide input', 9, 32, 16, { rows: 2, columns: 4, first: 1, patch: 8 }],
  ])('%s', (_, tokens, width, height, grid) => {
    expect(tokenGrid(tokens, { width, height })).toEqual(grid);
  });

  it('is refused where they are none', () => {
    expect(() => tokenGrid(50, { width: 384, height: 224 })).toThrow(
      expect.objectContaining({
        code: 'MODEL_UNSUPPORTED',
        message: expect.stringContaining('384 × 224') as string,
      }) as Error,
    );
  });
});

describe('tiles', () => {
  it('cover the picture once', () => {
    const size = fc.integer({ min: 6, max: 40 });
    fc.assert(
      fc.property(size, size, fc.integer({ min: 1, max: 6 }), (width, height, tiles) => {
        const seen = new Uint8Array(width * height);
        const of = picture(width, height);
        const views = tileViews(of, lookAt(of, {}), tiles);
        expect(views).toHaveLength(tiles ** 2);
        for (const view of views) {
          expect(view.width * view.height).toBeGreaterThan(0);
          for (let y = view.top; y < view.top + view.height; y++)
            for (let x = view.left; x < view.left + view.width; x++) seen[y * width + x]!++;
        }
        expect(seen.every((times) => times === 1)).toBe(true);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('are no smaller than a pixel', () => {
    const thin = picture(3, 40);
    expect(() => tileViews(thin, lookAt(thin, {}), 4)).toThrow(
      expect.objectContaining({ code: 'INVALID_DATA' }) as Error,
    );
  });

  it('have the patches of the whole picture, row by row', () => {
    // Two tiles across and down, of 1 class token and 2 × 2 patches.
    const grid = { rows: 2, columns: 2, first: 1, patch: 8 };
    expect(patchTokens(grid, 5, 2)).toEqual([1, 2, 6, 7, 3, 4, 8, 9, 11, 12, 16, 17, 13, 14, 18, 19]);
  });

  it('give each patch token one place', () => {
    const small = fc.integer({ min: 1, max: 4 });
    fc.assert(
      fc.property(small, small, fc.integer({ min: 0, max: 5 }), small, (rows, columns, first, tiles) => {
        const tokens = first + rows * columns;
        const places = patchTokens({ rows, columns, first, patch: 1 }, tokens, tiles);
        expect(new Set(places).size).toBe(rows * columns * tiles ** 2);
        expect(places.every((place) => place % tokens >= first && place < tokens * tiles ** 2)).toBe(true);
      }),
      { seed: 2, numRuns: 60 },
    );
  });
});

describe('patches of a bank', () => {
  const shares = (patches: readonly (readonly number[])[]): Float32Array => Float32Array.from(patches.flat());
  const drawn = (patches: readonly (readonly number[])[], count: number, seed = 0): number[] =>
    drawPatches(shares(patches), patches[0]!.length, count, Rng.stream(seed, 'test'));

  it('are some of those with a class, ascending, and all of them where so many are asked for', () => {
    const patch = fc.array(fc.constantFrom(0, 0, 0.5), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(
        fc.array(patch, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 25 }),
        fc.nat(99),
        (patches, count, seed) => {
          const labelled = patches.flatMap((own, i) => (own.some((share) => share > 0) ? [i] : []));
          const found = drawn(patches, count, seed);
          expect(found).toHaveLength(Math.min(count, labelled.length));
          expect([...new Set(found)].sort((a, b) => a - b)).toEqual(found);
          expect(found.every((each) => labelled.includes(each))).toBe(true);
        },
      ),
      { seed: 5, numRuns: 80 },
    );
  });

  it('are those of rare classes first, and otherwise drawn', () => {
    const patches = Array.from({ length: 100 }, (_, i) => (i === 40 ? [0, 1] : [1, 0]));
    const draws = Array.from({ length: 50 }, (_, seed) => drawn(patches, 10, seed));
    const rare = draws.filter((found) => found.includes(40)).length;
    expect(rare).toBeGreaterThan(45);
    expect(new Set(draws.map(String)).size).toBe(50);
    expect(drawn(patches, 10, 7)).toEqual(drawn(patches, 10, 7));
  });

  it('are one at least', () => {
    expect(() => drawn([[1]], 0)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }) as Error);
  });
});
