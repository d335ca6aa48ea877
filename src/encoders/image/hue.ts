/** The hue of a pixel turned, through HSV in bytes, as Pillow converts it: single precision where its C code has `float`. */

const { fround } = Math;

type Levels = readonly [number, number, number];

/** @param turn of the colour circle, from −0.5 to 0.5 */
export function withHue(r: number, g: number, b: number, turn: number): Levels {
  const [h, s, v] = toHsv(r, g, b);
  return toRgb((h + Math.trunc(turn * 255)) & 255, s, v);
}

function toHsv(r: number, g: number, b: number): Levels {
  const [most, least] = [Math.max(r, g, b), Math.min(r, g, b)];
  if (most === least) return [0, 0, most];
  const range = most - least;
  const below = (level: number): number => fround((most - level) / range);
  const [rc, gc, bc] = [below(r), below(g), below(b)];
  const sixths = fround(r === most ? fround(bc - gc) : g === most ? 2 + rc - bc : 4 + gc - rc);
  const h = fround((sixths / 6 + 1) % 1);
  return [Math.trunc(h * 255), Math.trunc(fround(range / most) * 255), most];
}

function toRgb(h: number, s: number, v: number): Levels {
  if (s === 0) return [v, v, v];
  const place = (h * 6) / 255;
  const sixth = Math.floor(place);
  const f = fround(place - sixth);
  const share = fround(s / 255);
  const p = Math.round(v * (1 - share));
  const q = Math.round(v * (1 - fround(share * f)));
  const t = Math.round(v * (1 - share * (1 - f)));
  return ([[v, t, p], [q, v, p], [p, v, t], [p, q, v], [t, p, v], [v, p, q]] as const)[sixth % 6]!; // prettier-ignore
}
