/** Accuracy against the number of examples of each label: a line and a band of 95 % for each selector, and a point for each seed. */
import * as Plot from '@observablehq/plot';
import type { CurvePoint } from '../../compare/curve.js';
import type { Html } from '../page/html.js';
import { draw, NARROW, type ChartWords } from './draw.js';
import { SYMBOLS, type Style } from './series-style.js';

export function curveLines(
  points: readonly CurvePoint[],
  styles: ReadonlyMap<string, Style>,
  width: number,
  words: ChartWords,
): Html {
  const shots = [...new Set(points.map((point) => point.shots))].sort((a, b) => a - b);
  const drawn = [...new Set(points.filter((point) => !point.whole).map((point) => point.shots))];
  const whole = points.filter((point) => point.whole).slice(0, 1);
  const seeds = points.flatMap(({ selector, shots: x, seeds: each }) =>
    each.length < 2 ? [] : each.map(({ accuracy }) => ({ selector, shots: x, accuracy })),
  );
  const all = [...points.flatMap(({ low, high }) => [low, high]), ...seeds.map(({ accuracy }) => accuracy)];
  const of = <T extends { readonly selector: string }>(rows: readonly T[], name: string): T[] =>
    rows.filter(({ selector }) => selector === name);
  return draw(
    {
      width,
      height: width <= NARROW ? 280 : 380,
      ...{ marginTop: 30, marginLeft: 44, marginRight: 16, marginBottom: 60 },
      x: { type: 'log', base: 2, domain: domainOf(shots), axis: null },
      y: { domain: [Math.floor(20 * Math.min(...all)) / 20, Math.ceil(20 * Math.max(...all)) / 20], axis: null },
      marks: [
        Plot.gridY({ ticks: 6, stroke: 'var(--line)', strokeOpacity: 1 }),
        Plot.axisY({
          ...{ ticks: 6, tickSize: 0, fontSize: 12, fill: 'var(--muted)', labelArrow: 'none', label: 'accuracy, %' },
          tickFormat: (share: number) => String(Math.round(100 * share)),
        }),
        Plot.ruleX(whole, { x: 'shots', stroke: 'var(--muted)', strokeDasharray: '2 4' }),
        // On a line of its own: it may be near another.
        Plot.text(whole, {
          x: 'shots',
          frameAnchor: 'bottom',
          textAnchor: 'end',
          dx: 8,
          dy: 34,
          text: () => 'whole pool',
          fontSize: 12,
          fill: 'var(--muted)',
        }),
        Plot.axisX(drawn, {
          ...{
            fontSize: 12,
            fill: 'var(--muted)',
            labelArrow: 'none',
            label: 'examples of each label in the pool',
            labelAnchor: 'center',
            labelOffset: 52,
          },
          ...{ tickFormat: String, stroke: 'var(--muted)' },
        }),
        ...[...styles].flatMap(([name, { colour, symbol, dash }]) => {
          const line = of(points, name).sort((a, b) => a.shots - b.shots);
          return [
            Plot.areaY(line, { x: 'shots', y1: 'low', y2: 'high', fill: colour, fillOpacity: 0.16 }),
            Plot.dot(of(seeds, name), { x: 'shots', y: 'accuracy', stroke: colour, strokeOpacity: 0.55, r: 2 }),
            Plot.lineY(line, {
              x: 'shots',
              y: 'accuracy',
              stroke: colour,
              strokeWidth: 2.25,
              ...(dash && { strokeDasharray: dash }),
            }),
            Plot.dot(line, {
              x: 'shots',
              y: 'accuracy',
              fill: colour,
              stroke: 'var(--bg)',
              symbol: SYMBOLS[symbol]!,
              r: 4.5,
            }),
          ];
        }),
      ],
    },
    words,
  );
}

/** One number of shots alone stands in the middle. */
const domainOf = (shots: readonly number[]): [number, number] =>
  shots.length === 1 ? [shots[0]! / 2, shots[0]! * 2] : [shots[0]!, shots.at(-1)!];
