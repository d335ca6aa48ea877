/** Edits of pixels against torchvision and Pillow, level for level. */
import { describe, expect, it } from 'vitest';
import type { ImageEdit } from '../../../src/core/content.js';
import { edited } from '../../../src/encoders/image/edit.js';
import type { Pixels } from '../../../src/encoders/image/pixels.js';
import { readGolden } from '../../support/golden.js';

interface Golden {
  readonly pictures: readonly { readonly width: number; readonly height: number; readonly pixels: string }[];
  readonly cases: readonly {
    readonly picture: number;
    readonly edits: readonly ImageEdit[];
    readonly pixels: string;
  }[];
}

const golden = readGolden('images/edits.json') as Golden;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'));
const pictures = golden.pictures.map(({ pixels, ...size }): Pixels => ({ ...size, data: bytes(pixels) }));
const named = (edits: readonly ImageEdit[]): string =>
  edits.map((edit) => ('amount' in edit ? `${edit.kind} ${edit.amount}` : edit.kind)).join(', ');

describe('edited', () => {
  it.each(golden.cases.map((c) => [named(c.edits), c.picture, c] as const))(
    'is what torchvision makes of it: %s of picture %d',
    (_, picture, { edits, pixels }) => {
      const found = edited(pictures[picture]!, edits);
      const { width, height } = pictures[picture]!;
      expect([found.width, found.height]).toEqual([width, height]);
      expect(Buffer.from(found.data).equals(bytes(pixels))).toBe(true);
    },
  );

  it('has every kind of edit in the fixture', () => {
    const kinds = new Set(golden.cases.flatMap(({ edits }) => edits.map(({ kind }) => kind)));
    expect([...kinds].sort()).toEqual(
      ['blur', 'brightness', 'contrast', 'flip', 'grey', 'hue', 'saturation', 'solarize'].sort(),
    );
  });

  it('leaves the pixels that it is given as they are', () => {
    const [picture] = pictures as [Pixels];
    const before = Uint8Array.from(picture.data);
    for (const { edits } of golden.cases) edited(picture, edits);
    expect(picture.data).toEqual(before);
    expect(edited(picture, [])).toEqual(picture);
  });
});
