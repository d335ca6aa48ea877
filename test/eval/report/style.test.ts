/** Colours that can be read, and numbers and names as they are written. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STYLE_SHEET } from '../../../src/eval/report/page/style-sheet.js';
import { milliseconds, percent, points, pValue, shorten, whole } from '../../../src/eval/report/page/words.js';
import { fitLabels, textWidth } from '../../../src/eval/report/charts/label-width.js';

/** Palettes in the order of the sheet: light, dark, print. */
const palettes = STYLE_SHEET.split(/:root \{/)
  .slice(1)
  .map((part) => new Map([...part.slice(0, part.indexOf('}')).matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/g)].map(([, name, colour]) => [name!, colour!]))); // prettier-ignore

/** WCAG 2.2, relative luminance and contrast ratio. */
function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}
function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const value = parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
const mixed = (top: string, ground: string, share: number): string =>
  `#${[1, 3, 5].map((at) => Math.round(share * parseInt(top.slice(at, at + 2), 16) + (1 - share) * parseInt(ground.slice(at, at + 2), 16)).toString(16).padStart(2, '0')).join('')}`; // prettier-ignore

describe('colours', () => {
  it('are those of light, dark and paper, and paper’s are light’s', () => {
    expect(palettes).toHaveLength(3);
    expect(palettes[2]).toEqual(palettes[0]);
    expect([...palettes[1]!.keys()]).toEqual([...palettes[0]!.keys()]);
    const used = [...STYLE_SHEET.matchAll(/var\(--([a-z0-9-]+)\)/g)].map(([, name]) => name!);
    expect(used.filter((name) => !palettes[0]!.has(name))).toEqual([]);
  });

  it.each([['light', 0], ['dark', 1]] as const)('are legible in %s: text 4.5, marks 3', (_, which) => {
    const palette = palettes[which]!;
    const of = (name: string): string => palette.get(name)!;
    expect(contrast('#ffffff', '#000000')).toBeCloseTo(21, 5);
    const texts = ['fg', 'muted', 'accent', 'right', 'wrong'].flatMap((text) =>
      ['bg', 'panel', 'tint'].map((ground) => [`${text} on ${ground}`, contrast(of(text), of(ground))] as const),
    );
    expect(texts.filter(([, ratio]) => ratio < 4.5)).toEqual([]);
    const marks = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7', 'c8', 'gain', 'loss', 'bar-advised', 'bar-baseline'];
    expect(marks.map((name) => [name, contrast(of(name), of('bg'))] as const).filter(([, ratio]) => ratio < 3)).toEqual([]);
    // The fullest cell of a heat map, with its figure on it.
    for (const name of ['gain', 'loss']) expect(contrast(of('fg'), mixed(of(name), of('panel'), 0.66))).toBeGreaterThanOrEqual(4.5); // prettier-ignore
  }); // prettier-ignore
});

describe('tables wider than their place', () => {
  const rule = (sheet: string, selector: string): string => sheet.split(`${selector} {`)[1]!.split('}')[0]!;
  const [screen, print] = STYLE_SHEET.split('@media print') as [string, string];

  it('scroll inside it under a shade that ends with them', () => {
    const scroll = rule(screen, '\n.scroll');
    expect(scroll).toContain('overflow-x: auto');
    expect(scroll.match(/var\(--shade\), transparent\) (?:left|right) .* scroll no-repeat/g)).toHaveLength(2);
    expect(scroll.match(/var\(--bg\) 40%, transparent\) (?:left|right) .* local no-repeat/g)).toHaveLength(2);
    // Seen on either ground.
    for (const palette of palettes) expect(contrast(palette.get('shade')!, palette.get('bg')!)).toBeGreaterThan(2);
  });

  it('are whole on paper', () => {
    expect(rule(print, '\n  .scroll')).toMatch(/background: none; overflow: visible;/);
  });
});

describe('words', () => {
  it('round as a table has it', () => {
    expect([percent(0.85234), points(0.031), points(-0.031), points(0.0004), points(-0.0004)]).toEqual(['85.2', '+3.1', '−3.1', '0.0', '0.0']); // prettier-ignore
    expect([whole(0), whole(999), whole(1000), whole(1234567)]).toEqual(['0', '999', '1,000', '1,234,567']);
    expect([pValue(0.0009), pValue(0.0314)]).toEqual(['< 0.001', '0.031']);
    expect([0, 1e-8, 0.00012, 0.0012, 0.0124, 1.5].map(milliseconds)).toEqual(['0', '< 0.001', '0.12', '1.2', '12', '1,500']); // prettier-ignore
  });

  it('shorten to a length, whole where they fit, never amid a character', () => {
    expect(shorten(' a \n b ', 10)).toBe('a b');
    expect(shorten('abcdef', 4)).toBe('abc…');
    expect(shorten('a\u202Eb', 4)).toBe('ab');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, length) => {
        const short = shorten(text, length);
        const line = text
          .replace(/[\u202A-\u202E\u2066-\u2069]/g, '')
          .replace(/\s+/gu, ' ')
          .trim();
        expect(Array.from(short).length).toBeLessThanOrEqual(length);
        expect(short.isWellFormed()).toBe(true);
        if (Array.from(line).length <= length) expect(short).toBe(line);
        else expect(line.startsWith(short.slice(0, -1)) && short.endsWith('…')).toBe(true);
      }),
    );
  });

  it('fit the room that a chart has', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1 }),
        fc.integer({ min: 40, max: 300 }),
        (labels, limit) => {
          const { texts, width } = fitLabels(labels, limit);
          expect(width).toBeLessThanOrEqual(limit);
          expect(texts.map(textWidth).every((each) => each <= width)).toBe(true);
        },
      ),
    );
  });
});
