/** Gains to the right, losses to the left of nothing. */
import * as Plot from '@observablehq/plot';
import type { Html } from '../page/html.js';
import { points } from '../page/words.js';
import { draw, NARROW, type ChartWords } from './draw.js';
import { fitLabels } from './label-width.js';

export interface DifferenceBar {
  readonly name: string;
  /** As a fraction; never 0. */
  readonly difference: number;
}

const ROW = 22;

export function differenceBars(bars: readonly DifferenceBar[], width: number, words: ChartWords): Html {
  const labels = fitLabels(bars.map(({ name }) => name), width <= NARROW ? 130 : 260); // prettier-ignore
  const rows = bars.map((bar, i) => ({ ...bar, place: i, text: labels.texts[i]!, shown: points(bar.difference) }));
  const [gains, losses] = [rows.filter((row) => row.difference > 0), rows.filter((row) => row.difference < 0)];
  const [low, high] = [
    Math.min(0, ...rows.map((row) => row.difference)),
    Math.max(0, ...rows.map((row) => row.difference)),
  ];
  // Room for the figures at the ends of the bars.
  const room = 44;
  const value = { y: 'place', x: 'difference', text: 'shown', fontSize: 12, fontVariant: 'tabular-nums' as const };
  const marginLeft = labels.width + 18;
  return draw(
    {
      width,
      height: 8 + ROW * rows.length,
      ...{
        marginTop: 4,
        marginBottom: 4,
        marginLeft,
        marginRight: 4,
        insetLeft: low < 0 ? room : 4,
        insetRight: high > 0 ? room : 4,
      },
      x: { domain: [low, high], axis: null },
      y: { domain: rows.map(({ place }) => place), axis: null, padding: 0.3 },
      marks: [
        Plot.barX(gains, { x: 'difference', y: 'place', fill: 'var(--gain)', rx2: 2 }),
        Plot.barX(losses, { x1: 'difference', x2: () => 0, y: 'place', fill: 'var(--loss)', rx1: 2 }),
        Plot.ruleX([0], { stroke: 'var(--fg)', strokeWidth: 1 }),
        Plot.text(gains, { ...value, textAnchor: 'start', dx: 5, fill: 'var(--fg)' }),
        Plot.text(losses, { ...value, textAnchor: 'end', dx: -5, fill: 'var(--fg)' }),
        Plot.text(rows, {
          ...{ y: 'place', text: 'text', frameAnchor: 'left', textAnchor: 'end', fontSize: 12, fill: 'var(--fg)' },
          dx: -10,
        }),
      ],
    },
    words,
  );
}
