import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewKey, type Crop, type Patch, type Picture } from '../../src/core/content.js';
import { sha256 } from '../../src/core/fingerprint.js';
import { randomCrops } from '../../src/views/crops.js';
import { patches } from '../../src/views/patches.js';

const picture = (width: number, height: number, content = 'a'): Picture => ({
  ...{ modality: 'image', digest: sha256(content), name: content, bytes: new Uint8Array(), width, height },
});
const paper = { globals: 2, locals: 10, globalScale: [0.25, 1], localScale: [0.05, 0.25], seed: 0 } as const;
const cropsOf = (of: Picture, options = {}): Crop[] => randomCrops({ ...paper, ...options }).views(of) as Crop[];

describe('patches', () => {
  it('are a grid of as many rows as columns', () => {
    const views = patches({ count: 49 }).views(picture(10, 10)) as Patch[];
    expect(views).toHaveLength(49);
    expect(views.map(({ row, column }) => [row, column])).toEqual(
      Array.from({ length: 49 }, (_, i) => [Math.floor(i / 7), i % 7]),
    );
    expect(new Set(views.map(viewKey)).size).toBe(49);
  });

  it.each([0, 2, 48, 1.5, -4])('refuses %s of them', (count) => {
    expect(() => patches({ count })).toThrow('the number of views must be a square');
  });

  it('are made of pictures', () => {
    expect(() => patches({ count: 4 }).views('a text')).toThrow('views of an image were asked of a text');
  });
});

describe('random crops', () => {
  it('lie within the picture, with the areas and aspects asked for', () => {
    const sizes = fc.integer({ min: 40, max: 3000 });
    fc.assert(
      fc.property(sizes, sizes, fc.string(), (width, height, content) => {
        cropsOf(picture(width, height, content)).forEach((crop, v) => {
          expect(crop.left).toBeGreaterThanOrEqual(0);
          expect(crop.top).toBeGreaterThanOrEqual(0);
          expect(crop.left + crop.width).toBeLessThanOrEqual(width);
          expect(crop.top + crop.height).toBeLessThanOrEqual(height);
          const aspect = crop.width / crop.height;
          // Rounded to pixels; a picture that is too long for its area has the largest rectangle in its middle.
          expect(aspect).toBeGreaterThan(0.6);
          expect(aspect).toBeLessThan(1.6);
          const share = (crop.width * crop.height) / (width * height);
          expect(share).toBeLessThan(v < 2 ? 1.01 : 0.32);
        });
      }),
    );
  });

  it('are drawn evenly: mean area and place', () => {
    const views = Array.from({ length: 400 }, (_, i) => cropsOf(picture(400, 400, `p${i}`))).map((own) => own[5]!);
    const mean = (of: (crop: Crop) => number): number => views.reduce((sum, crop) => sum + of(crop), 0) / views.length;
    expect(mean(({ width, height }) => (width * height) / 160_000)).toBeCloseTo(0.15, 1);
    expect(mean(({ left, width }) => left / (400 - width))).toBeCloseTo(0.5, 1);
    expect(mean(({ width, height }) => Math.log(width / height))).toBeCloseTo(0, 1);
  });

  it('depend on seed, content and number alone', () => {
    const twelve = cropsOf(picture(300, 200)).map(viewKey);
    expect(cropsOf({ ...picture(300, 200), name: 'elsewhere' }).map(viewKey)).toEqual(twelve);
    expect(cropsOf(picture(300, 200), { locals: 3 }).map(viewKey)).toEqual(twelve.slice(0, 5));
    expect(cropsOf(picture(300, 200), { seed: 1 }).map(viewKey)).not.toEqual(twelve);
    expect(cropsOf(picture(300, 200, 'b')).map(viewKey)).not.toEqual(twelve);
    expect(new Set(twelve).size).toBe(12);
  });

  it.each([
    [1, 1],
    [1, 500],
    [500, 1],
    [3, 2],
  ])('are at least a pixel of a picture of %i × %i', (width, height) => {
    for (const crop of cropsOf(picture(width, height))) {
      expect(crop.width).toBeGreaterThanOrEqual(1);
      expect(crop.height).toBeGreaterThanOrEqual(1);
      expect(crop.left + crop.width).toBeLessThanOrEqual(width);
      expect(crop.top + crop.height).toBeLessThanOrEqual(height);
    }
  });
});

describe('the standard augmentation of DINO', () => {
  const of = picture(300, 200);
  const standard = (picked: Picture): Crop[] => cropsOf(picked, { augmentation: 'standard' });
  const drawn = Array.from({ length: 1500 }, (_, i) => standard(picture(300, 200, `p${i}`)));
  const kinds = (crop: Crop): string[] => crop.edits!.map(({ kind }) => kind);
  const share = (v: number, kind: string): number =>
    drawn.filter((own) => kinds(own[v]!).includes(kind)).length / drawn.length;

  it('leaves the rectangles as they are, which have no edits without it', () => {
    const bare = cropsOf(of);
    expect(bare.every((crop) => !('edits' in crop))).toBe(true);
    for (const [v, crop] of standard(of).entries()) expect(crop).toEqual({ ...bare[v]!, edits: crop.edits });
    expect(cropsOf(of, { augmentation: 'crops' })).toEqual(bare);
  });

  it('depends on seed, content and number alone, and tells views apart', () => {
    const twelve = standard(of).map(viewKey);
    expect(standard({ ...of, name: 'elsewhere' }).map(viewKey)).toEqual(twelve);
    expect(cropsOf(of, { augmentation: 'standard', locals: 3 }).map(viewKey)).toEqual(twelve.slice(0, 5));
    expect(cropsOf(of, { augmentation: 'standard', seed: 1 }).map(viewKey)).not.toEqual(twelve);
    const [crop] = standard(of) as [Crop];
    const changed = [[], [{ kind: 'blur', amount: 1 }], [{ kind: 'blur', amount: 1.5 }], [{ kind: 'grey' }]] as const;
    const orders = [
      [...changed[1], ...changed[3]],
      [...changed[3], ...changed[1]],
    ];
    const keys = [...changed, ...orders].map((edits) => viewKey({ ...crop, edits }));
    expect(new Set(keys).size).toBe(6);
  });

  it.each([
    [0, { flip: 0.5, hue: 0.8, grey: 0.2, blur: 1, solarize: 0 }],
    [1, { flip: 0.5, hue: 0.8, grey: 0.2, blur: 0.1, solarize: 0.2 }],
    [7, { flip: 0.5, hue: 0.8, grey: 0.2, blur: 0.5, solarize: 0 }],
  ])('changes crop %d as often as DINO does', (v, expected) => {
    for (const [kind, probability] of Object.entries(expected)) {
      // Four standard deviations; what is certain, and what never happens, is so of every one.
      expect(Math.abs(share(v, kind) - probability)).toBeLessThanOrEqual(
        4 * Math.sqrt((probability * (1 - probability)) / 1500),
      );
    }
  });

  it('changes in the order of DINO: mirrored, recoloured in any order, grey, blurred, solarised', () => {
    const colours = ['brightness', 'contrast', 'saturation', 'hue'];
    const orders = new Set<string>();
    for (const crop of drawn.flat()) {
      const own = kinds(crop);
      const jittered = own.filter((kind) => colours.includes(kind));
      expect([0, 4]).toContain(jittered.length);
      if (jittered.length > 0) orders.add(jittered.join());
      const rest = ['flip', ...jittered, 'grey', 'blur', 'solarize'];
      expect(own).toEqual(rest.filter((kind) => own.includes(kind)));
    }
    expect(orders.size).toBe(24);
  });

  it.each([
    ['brightness', 0.6, 1.4],
    ['contrast', 0.6, 1.4],
    ['saturation', 0.8, 1.2],
    ['hue', -0.1, 0.1],
    ['blur', 0.1, 2],
  ] as const)('draws %s evenly from %d to %d', (kind, least, most) => {
    const amounts = drawn
      .flat()
      .flatMap(({ edits }) => edits!.flatMap((edit) => (edit.kind === kind ? [edit.amount] : [])));
    const [low, high] = [Math.min(...amounts), Math.max(...amounts)];
    expect(low).toBeGreaterThanOrEqual(least);
    expect(high).toBeLessThanOrEqual(most);
    const width = most - least;
    expect(high - low).toBeGreaterThan(0.99 * width);
    expect(Math.abs(amounts.reduce((a, b) => a + b) / amounts.length - (least + most) / 2)).toBeLessThan(0.02 * width);
  });
});
