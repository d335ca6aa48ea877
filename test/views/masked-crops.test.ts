import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewKey, type Crop, type Picture } from '../../src/core/content.js';
import { Rng } from '../../src/core/rng.js';
import { sha256 } from '../../src/core/fingerprint.js';
import { randomCrops } from '../../src/views/crops.js';
import { blockwiseMask, maskedCrops, maskedPatches } from '../../src/views/masked-crops.js';

const picture = (content = 'a'): Picture => ({
  ...{ modality: 'image', digest: sha256(content), name: content, bytes: new Uint8Array(), width: 300, height: 200 },
});
const crops = { globals: 2, locals: 3, globalScale: [0.25, 1], localScale: [0.05, 0.25], seed: 0 } as const;
const grid = { rows: 14, columns: 14, first: 5, patch: 16 };
const maker = (more = {}) => maskedCrops({ ...crops, grid, masked: 0.3, ...more });
const viewsOf = (of: Picture, more = {}): Crop[] => maker(more).views(of) as Crop[];

describe('a blockwise mask', () => {
  const sides = fc.integer({ min: 1, max: 20 });

  it('has as many patches as asked for, each once, within the grid, in order', () => {
    fc.assert(
      fc.property(
        sides,
        sides,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.string(),
        (rows, columns, share, seed) => {
          const count = Math.max(1, Math.round(rows * columns * share));
          const found = blockwiseMask({ rows, columns }, count, Rng.stream(seed));
          expect(found).toHaveLength(count);
          expect(new Set(found).size).toBe(count);
          expect(found).toEqual([...found].sort((a, b) => a - b));
          expect(found.every((patch) => Number.isInteger(patch) && patch >= 0 && patch < rows * columns)).toBe(true);
        },
      ),
    );
  });

  it('is made of blocks: masked patches lie beside masked ones far more often than patches drawn one by one', () => {
    const neighbours = (mask: readonly number[]): number =>
      mask.filter((patch) => patch % 14 < 13 && mask.includes(patch + 1)).length / mask.length;
    const mean = (draw: (rng: Rng) => readonly number[]): number =>
      Array.from({ length: 200 }, (_, i) => neighbours(draw(Rng.stream(i)))).reduce((a, b) => a + b) / 200;
    expect(mean((rng) => blockwiseMask(grid, 59, rng))).toBeGreaterThan(0.65);
    expect(mean((rng) => rng.sample(196, 59))).toBeLessThan(0.4);
  });

  it('reaches every patch of the grid', () => {
    const seen = new Set(Array.from({ length: 300 }, (_, i) => blockwiseMask(grid, 59, Rng.stream(i))).flat());
    expect(seen.size).toBe(196);
  });
});

describe('masked crops', () => {
  it('are masked global crops, local ones, and the same global ones whole', () => {
    const views = viewsOf(picture());
    const plain = randomCrops(crops).views(picture()) as Crop[];
    expect(views).toHaveLength(7);
    expect(maker().count).toBe(7);
    expect(views.slice(2, 5)).toEqual(plain.slice(2));
    expect(views.slice(5)).toEqual(plain.slice(0, 2));
    views.slice(0, 2).forEach((crop, v) => {
      expect(crop).toEqual({ ...plain[v]!, masked: crop.masked });
      expect(crop.masked).toMatchObject({ rows: 14, columns: 14 });
      expect(crop.masked!.patches).toHaveLength(59);
    });
    expect(views[0]!.masked).not.toEqual(views[1]!.masked);
    expect(new Set(views.map(viewKey)).size).toBe(7);
  });

  it('depend on seed, content and number alone', () => {
    const keys = viewsOf(picture()).map(viewKey);
    expect(viewsOf({ ...picture(), name: 'elsewhere' }).map(viewKey)).toEqual(keys);
    expect(viewsOf(picture(), { locals: 0 }).map(viewKey)).toEqual([...keys.slice(0, 2), ...keys.slice(5)]);
    expect(viewsOf(picture('b'))[0]!.masked).not.toEqual(viewsOf(picture())[0]!.masked);
    expect(viewsOf(picture(), { seed: 1 })[0]!.masked).not.toEqual(viewsOf(picture())[0]!.masked);
  });

  it('name class tokens, then the masked patches of each global crop, masked and whole', () => {
    const views = viewsOf(picture());
    const tokens = maker().tokens!(views);
    expect(tokens).toHaveLength(7 + 2 * 2 * 59);
    expect(tokens.slice(0, 7)).toEqual(views.map((_, view) => ({ view, token: 0 })));
    const [seen, whole] = [tokens.slice(7, 7 + 118), tokens.slice(7 + 118)];
    expect(seen).toEqual([0, 1].flatMap((view) => views[view]!.masked!.patches.map((p) => ({ view, token: 5 + p }))));
    expect(whole).toEqual(seen.map(({ view, token }) => ({ view: view + 5, token })));
  });

  it.each([
    [0.3, 14, 59],
    [0.001, 14, 1],
    [1, 14, 195],
    [0.3, 2, 1],
    [1, 2, 3],
  ])('mask %d of the patches of a grid of %d: %d', (share, side, count) => {
    expect(maskedPatches({ rows: side, columns: side }, share)).toBe(count);
  });
});
