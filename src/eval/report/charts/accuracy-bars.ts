/** Accuracy of each selector as a bar, with its 95 % interval. */
import * as Plot from '@observablehq/plot';
import type { Html } from '../page/html.js';
import { percent, shorten } from '../page/words.js';
import { draw, NARROW, type ChartWords } from './draw.js';
import { fitLabels } from './label-width.js';

export interface AccuracyBar {
  readonly name: string;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly role: 'advised' | 'baseline' | 'other';
}

const ROW = 34;
const ROW_WITH_LABEL = 50;

/** @param bars in the order of drawing; the baseline's accuracy goes through as a line */
export function accuracyBars(bars: readonly AccuracyBar[], width: number, words: ChartWords): Html {
  const narrow = width <= NARROW;
  const names = bars.map(({ name, role }) => (role === 'baseline' ? `${shorten(name, 40)} (baseline)` : name));
  const labels = fitLabels(names, narrow ? width - 20 : 220);
  const rows = bars.map((bar, i) => ({ ...bar, place: i, text: labels.texts[i]!, shown: percent(bar.accuracy) }));
  const [marginTop, marginBottom, row] = [26, 8, narrow ? ROW_WITH_LABEL : ROW];
  const base = rows.filter(({ role }) => role === 'baseline');
  return draw(
    {
      width,
      height: marginTop + marginBottom + row * rows.length,
      marginTop,
      marginBottom,
      marginLeft: narrow ? 6 : 1.1 * labels.width + 18,
      marginRight: 50,
      x: { domain: [0, 1], axis: null },
      y: {
        domain: rows.map(({ place }) => place),
        axis: null,
        ...(narrow ? { paddingInner: 0.62, paddingOuter: 0, insetTop: 24 } : { padding: 0.36 }),
      },
      marks: [
        Plot.gridX([0.25, 0.5, 0.75, 1], { stroke: 'var(--line)', strokeOpacity: 1 }),
        Plot.axisX([0, 0.25, 0.5, 0.75, 1], {
          ...{ anchor: 'top', label: null, tickSize: 0, fontSize: 12, fill: 'var(--muted)' },
          tickFormat: (share: number) => `${100 * share}${share === 1 ? ' %' : ''}`,
        }),
        Plot.barX(rows, { x: 'accuracy', y: 'place', fill: ({ role }: AccuracyBar) => `var(--bar-${role})`, rx2: 3 }),
        Plot.ruleX(base, { x: 'accuracy', stroke: 'var(--fg)', strokeDasharray: '2 4', strokeWidth: 1.25 }),
        Plot.ruleY(rows, { y: 'place', x1: 'low', x2: 'high', stroke: 'var(--fg)', strokeWidth: 1.75 }),
        ...(['low', 'high'] as const).map((end) =>
          Plot.tickX(rows, { x: end, y: 'place', stroke: 'var(--fg)', strokeWidth: 1.75, inset: narrow ? 4 : 6 }),
        ),
        Plot.text(rows, {
          ...{
            x: 'high',
            y: 'place',
            text: 'shown',
            textAnchor: 'start',
            dx: 7,
            fontSize: 13,
            fontVariant: 'tabular-nums',
          },
          ...{ fontWeight: 600, stroke: 'var(--bg)', strokeWidth: 4, fill: 'var(--fg)' },
        }),
        ...(['advised', 'baseline', 'other'] as const).map((role) =>
          Plot.text(
            rows.filter((each) => each.role === role),
            {
              ...{
                x: () => 0,
                y: 'place',
                text: 'text',
                fontSize: 13,
                fontWeight: role === 'advised' ? 700 : 400,
                fill: 'var(--fg)',
              },
              ...(narrow ? { textAnchor: 'start', dx: 0, dy: -18 } : { textAnchor: 'end', dx: -10 }),
            },
          ),
        ),
      ],
    },
    words,
  );
}
