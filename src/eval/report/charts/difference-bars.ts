/** Gains to the right, losses to the left of nothing. */
import * as Plot from '@observablehq/plot';
import type { Html } from '../page/html.js';
import { points } from '../page/words.js';
import { draw, type ChartWords } from './draw.js';
import { fitLabels } from './label-width.js';

export interface DifferenceBar {
  readonly name: string;
  /** As a fraction; never 0. */
  readonly difference: number;
}

const ROW = 22;
/** For the figures at the ends of the bars. */
const ROOM = 52;

/** A label stands on the side where its bar is not. */
export function differenceBars(bars: readonly DifferenceBar[], width: number, words: ChartWords): Html {
  const { texts } = fitLabels(bars.map(({ name }) => name), width / 2 - 16); // prettier-ignore
  const rows = bars.map((bar, i) => ({ ...bar, place: i, text: texts[i]!, shown: points(bar.difference) }));
  const [gains, losses] = [rows.filter((row) => row.difference > 0), rows.filter((row) => row.difference < 0)];
  const largest = Math.max(...rows.map((row) => Math.abs(row.difference)));
  const text = { y: 'place', fontSize: 12, fill: 'var(--fg)' };
  const value = { ...text, x: 'difference', text: 'shown', fontVariant: 'tabular-nums' as const };
  const name = { ...text, x: () => 0, text: 'text' };
  return draw(
    {
      width,
      height: 8 + ROW * rows.length,
      ...{ marginTop: 4, marginBottom: 4, marginLeft: 0, marginRight: 0, insetLeft: ROOM, insetRight: ROOM },
      x: { domain: [-largest, largest], axis: null },
      y: { domain: rows.map(({ place }) => place), axis: null, padding: 0.3 },
      marks: [
        Plot.barX(gains, { x: 'difference', y: 'place', fill: 'var(--gain)', rx2: 2 }),
        Plot.barX(losses, { x1: 'difference', x2: () => 0, y: 'place', fill: 'var(--loss)', rx1: 2 }),
        Plot.ruleX([0], { stroke: 'var(--fg)', strokeWidth: 1 }),
        Plot.text(gains, { ...value, textAnchor: 'start', dx: 5 }),
        Plot.text(losses, { ...value, textAnchor: 'end', dx: -5 }),
        Plot.text(gains, { ...name, textAnchor: 'end', dx: -8 }),
        Plot.text(losses, { ...name, textAnchor: 'start', dx: 8 }),
      ],
    },
    words,
  );
}
