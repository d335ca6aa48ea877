import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { viewKey, type Picture } from '../../../src/core/content.js';
import { cropLabels } from '../../../src/eval/segment/label-file.js';
import { tileViews } from '../../../src/eval/segment/patch-grid.js';
import { copiesOf, lookAt } from '../../../src/eval/segment/scene-copies.js';

const picture = (width: number, height: number, digest = 'd'): Picture => ({
  ...{ modality: 'image', digest, name: 'p.png', bytes: new Uint8Array(0) },
  ...{ width, height },
});
const scenes = ['a', 'b'].map((name) => ({ name, image: `${name}.jpg`, labels: `${name}.png` }));
const side = fc.integer({ min: 12, max: 900 });

describe('copies of training pictures', () => {
  it('are the pictures themselves without augmentation epochs, and only copies with them', () => {
    expect(copiesOf(scenes, { epochs: 0, seed: 3 })).toEqual(scenes);
    const copies = copiesOf(scenes, { epochs: 2, seed: 3 });
    expect(copies.map(({ name, augmented }) => [name, augmented])).toEqual([
      ['a', { seed: 3, epoch: 0 }],
      ['b', { seed: 3, epoch: 0 }],
      ['a', { seed: 3, epoch: 1 }],
      ['b', { seed: 3, epoch: 1 }],
    ]);
  });

  it('show a picture whole and as it is', () => {
    const whole = picture(30, 20);
    expect(lookAt(whole, {})).toEqual({ box: { left: 0, top: 0, width: 30, height: 20 }, edits: [] });
    expect(tileViews(whole, lookAt(whole, {}), 2).every((view) => view.pictureEdits === undefined)).toBe(true);
  });

  it('or half of it at least, in colours a tenth away at most', () => {
    fc.assert(
      fc.property(side, side, fc.nat(9), fc.nat(9), fc.string(), (width, height, seed, epoch, digest) => {
        const of = picture(width, height, digest);
        const { box, edits } = lookAt(of, { augmented: { seed, epoch } });
        expect(box.left >= 0 && box.top >= 0).toBe(true);
        expect(box.left + box.width <= width && box.top + box.height <= height).toBe(true);
        // Where no crop fits, the largest in the middle of an aspect of 3:4 to 4:3 is taken.
        const aspect = width / height;
        const least = aspect > 4 / 3 ? 4 / 3 / aspect : aspect < 3 / 4 ? aspect / (3 / 4) : 1;
        expect(box.width * box.height).toBeGreaterThan(width * height * Math.min(0.5, least) * 0.9);
        const order = ['brightness', 'contrast', 'saturation', 'hue'];
        expect(edits.map(({ kind }) => kind)).toEqual(order.filter((kind) => edits.some((edit) => edit.kind === kind)));
        for (const edit of edits) {
          const change = 'amount' in edit ? edit.amount - (edit.kind === 'hue' ? 0 : 1) : Infinity;
          expect(Math.abs(change)).toBeLessThanOrEqual(0.1 + 1e-12);
        }
      }),
      { seed: 8, numRuns: 100 },
    );
  });

  it('are drawn by seed, epoch and bytes, and by nothing else', () => {
    const look = (seed: number, epoch: number, digest = 'd'): string =>
      JSON.stringify(lookAt(picture(400, 300, digest), { augmented: { seed, epoch } }));
    expect(look(1, 2)).toBe(look(1, 2));
    expect(new Set([look(1, 2), look(2, 1), look(1, 3), look(1, 2, 'e')]).size).toBe(4);
  });

  it('change each of the colours in one copy of two', () => {
    const looks = Array.from({ length: 400 }, (_, epoch) => lookAt(picture(40, 30), { augmented: { seed: 0, epoch } }));
    for (const name of ['brightness', 'contrast', 'saturation', 'hue'] as const) {
      const changed = looks.filter(({ edits }) => edits.some(({ kind }) => kind === name)).length;
      expect(Math.abs(changed - 200)).toBeLessThan(50);
    }
    const crops = looks.filter(({ box }) => box.width * box.height < 40 * 30).length;
    expect(crops).toBeGreaterThan(200);
  });

  it('are cut into tiles that cover what they show once, and are views of their own', () => {
    fc.assert(
      fc.property(side, side, fc.nat(30), fc.integer({ min: 1, max: 3 }), (width, height, epoch, tiles) => {
        const of = picture(width, height);
        const look = lookAt(of, { augmented: { seed: 0, epoch } });
        const views = tileViews(of, look, tiles);
        expect(views.reduce((sum, view) => sum + view.width * view.height, 0)).toBe(look.box.width * look.box.height);
        for (const view of views) {
          expect(view.left >= look.box.left && view.left + view.width <= look.box.left + look.box.width).toBe(true);
          expect(view.top >= look.box.top && view.top + view.height <= look.box.top + look.box.height).toBe(true);
        }
        const keys = views.map(viewKey);
        const other = [{ kind: 'brightness', amount: 0.5 }] as const;
        const plain = views.map((view) => viewKey({ ...view, pictureEdits: other }));
        expect(new Set([...keys, ...plain]).size).toBe(2 * tiles ** 2);
      }),
      { seed: 9, numRuns: 50 },
    );
  });

  it('have the labels of what they show', () => {
    const labels = { width: 4, height: 3, labels: Uint8Array.from({ length: 12 }, (_, i) => i) };
    expect(cropLabels(labels, { left: 1, top: 1, width: 2, height: 2 })).toEqual({
      ...{ width: 2, height: 2, labels: Uint8Array.of(5, 6, 9, 10) },
    });
    expect(cropLabels(labels, { left: 0, top: 0, width: 4, height: 3 })).toEqual(labels);
  });
});
