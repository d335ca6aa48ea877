/** Accuracy of the LLM and of the vote of the same examples, one bar under the other for each selector, with 95 % intervals. */
import * as Plot from '@observablehq/plot';
import type { Html } from '../page/html.js';
import { percent, shorten } from '../page/words.js';
import type { AccuracyBar } from './accuracy-bars.js';
import { draw, NARROW, type ChartWords } from './draw.js';
import { fitLabels } from './label-width.js';

export interface PairedBar extends Pick<AccuracyBar, 'name' | 'role'> {
  /** Null where there is none. */
  readonly llm: Share | null;
  readonly vote: Share | null;
}

export type Share = Pick<AccuracyBar, 'accuracy' | 'low' | 'high'>;

const [LINE, SIDE] = [22, 44];

/** @param bars in the order of drawing; the baseline's accuracy by the LLM goes through as a line */
export function pairedBars(bars: readonly PairedBar[], width: number, words: ChartWords): Html {
  const narrow = width <= NARROW;
  const names = bars.map(({ name, role }) => (role === 'baseline' ? `${shorten(name, 60)} (baseline)` : name));
  const { texts } = fitLabels(names, narrow ? width - 20 : 500);
  // A line for the name, one for each bar, and one between.
  const lines = bars.flatMap(({ vote }, i) => [`${i} name`, `${i} LLM`, ...(vote === null ? [] : [`${i} vote`]), `${i}`]).slice(0, -1); // prettier-ignore
  const sharesOf = (kind: 'llm' | 'vote') =>
    bars.flatMap(({ role, [kind]: share }, i) =>
      share === null ? [] : [{ ...share, role, line: `${i} ${kind === 'llm' ? 'LLM' : 'vote'}`, shown: percent(share.accuracy) }],
    ); // prettier-ignore
  const [llm, vote] = [sharesOf('llm'), sharesOf('vote')];
  const all = [...llm, ...vote];
  const [marginTop, marginBottom] = [26, 4];
  const base = llm.filter(({ role }) => role === 'baseline');
  const text = { y: 'line', fill: 'var(--fg)', textAnchor: 'end' as const, x: () => 0, dx: -8, fontSize: 12 };
  return draw(
    {
      width,
      height: marginTop + marginBottom + LINE * lines.length,
      ...{ marginTop, marginBottom, marginLeft: SIDE, marginRight: 50 },
      x: { domain: [0, 1], axis: null },
      y: { domain: lines, axis: null, padding: 0 },
      marks: [
        Plot.gridX([0.25, 0.5, 0.75, 1], { stroke: 'var(--line)', strokeOpacity: 1 }),
        Plot.axisX([0, 0.25, 0.5, 0.75, 1], {
          ...{ anchor: 'top', label: null, tickSize: 0, fontSize: 12, fill: 'var(--muted)' },
          tickFormat: (share: number) => `${100 * share}${share === 1 ? ' %' : ''}`,
        }),
        Plot.barX(llm, { x: 'accuracy', y: 'line', fill: ({ role }: PairedBar) => `var(--bar-${role})`, rx2: 3, insetTop: 1, insetBottom: 1 }), // prettier-ignore
        Plot.barX(vote, { x: 'accuracy', y: 'line', fill: 'var(--bg)', stroke: 'var(--bar-baseline)', rx2: 3, insetTop: 3, insetBottom: 3 }), // prettier-ignore
        Plot.ruleX(base, { x: 'accuracy', stroke: 'var(--fg)', strokeDasharray: '2 4', strokeWidth: 1.25 }),
        Plot.ruleY(all, { y: 'line', x1: 'low', x2: 'high', stroke: 'var(--fg)', strokeWidth: 1.5 }),
        ...(['low', 'high'] as const).map((end) =>
          Plot.tickX(all, { x: end, y: 'line', stroke: 'var(--fg)', strokeWidth: 1.5, inset: 6 }),
        ),
        ...[llm, vote].map((rows, i) =>
          Plot.text(rows, {
            ...{ x: 'high', y: 'line', text: 'shown', textAnchor: 'start', dx: 7, fontVariant: 'tabular-nums' },
            ...{ fontSize: i === 0 ? 13 : 12, fontWeight: i === 0 ? 600 : 400 },
            ...{ stroke: 'var(--bg)', strokeWidth: 4, fill: 'var(--fg)' },
          }),
        ),
        Plot.text(llm, { ...text, text: () => 'LLM' }),
        Plot.text(vote, { ...text, text: () => 'vote', fill: 'var(--muted)' }),
        ...(['advised', 'baseline', 'other'] as const).map((role) =>
          Plot.text(
            bars.flatMap((bar, i) => (bar.role === role ? [{ line: `${i} name`, text: texts[i]! }] : [])),
            {
              ...text,
              ...{ text: 'text', textAnchor: 'start', dx: -SIDE + 2, dy: 2 },
              ...{ fontSize: 13, fontWeight: role === 'advised' ? 700 : 400 },
            },
          ),
        ),
      ],
    },
    words,
  );
}
