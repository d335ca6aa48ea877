/** The pool as points of a plane. Axes have no meaning there, so none are drawn. */
import * as Plot from '@observablehq/plot';
import type { PoolMap } from '../facts/pool-map.js';
import type { Html } from '../page/html.js';
import { draw, NARROW, type ChartWords } from './draw.js';
import { SYMBOLS, type Style } from './series-style.js';

/** @param styles of the labels that are told apart; all others are small and grey */
export function mapPoints(
  { points, wrong }: PoolMap,
  styles: ReadonlyMap<string, Style>,
  width: number,
  words: ChartWords,
): Html {
  const narrow = width <= NARROW;
  const place = { x: 'x', y: 'y' };
  const rest = points.filter(({ label }) => !styles.has(label));
  return draw(
    {
      width,
      height: Math.round(width * (narrow ? 1 : 0.68)),
      ...{ margin: 4, inset: 8 },
      x: { axis: null },
      y: { axis: null },
      marks: [
        Plot.dot(rest, { ...place, fill: 'var(--rest)', r: narrow ? 1.5 : 2.2 }),
        ...[...styles].map(([label, { colour, symbol }]) =>
          Plot.dot(
            points.filter((point) => point.label === label),
            {
              ...place,
              fill: colour,
              symbol: SYMBOLS[symbol]!,
              stroke: 'var(--bg)',
              strokeWidth: 0.5,
              r: narrow ? 2.8 : 4,
            },
          ),
        ),
        Plot.dot(wrong, { ...place, symbol: 'times', stroke: 'var(--fg)', strokeWidth: 1.5, r: narrow ? 2.5 : 3.6 }),
      ],
    },
    words,
  );
}
