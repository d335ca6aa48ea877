/** Accuracy against the size of the pool. */
import { curveLines } from '../charts/curve-lines.js';
import { drawTwice } from '../charts/draw.js';
import { key, styleOf } from '../charts/series-style.js';
import type { CurvePoint } from '../../compare/curve.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { markdownTable, rangedCell, type Table } from '../page/table.js';
import { percent, shorten, whole as wholeNumber } from '../page/words.js';
import { figure, keyList } from './figure.js';
import type { Section } from './section.js';

export const curve: Section = ({ curve: points }) => {
  if (points === null) return null;
  const names = [...new Set(points.map(({ selector }) => selector))];
  const styles = new Map(names.map((name, place) => [name, styleOf(place)]));
  const pools = poolsOf(points);
  const reading =
    'How many labelled examples of each label are worth collecting? A line is the mean over draws of the pool, the band its 95 % interval, ' +
    'a small ring the accuracy of one draw. A line that still climbs at its end asks for more examples; the scale below grows by factors.' +
    (points.some(({ whole }) => whole) ? ' The whole pool stands at the mean of its labels.' : '');
  const table: Table = {
    caption: 'Accuracy by examples of each label',
    columns: [{ title: 'selector' }, ...pools.map(({ title }) => ({ title, align: 'right' as const }))],
    rows: names.map((name) => ({
      cells: [
        shorten(name, 60),
        ...pools.map((pool) => {
          const point = points.find(
            (each) => each.selector === name && each.shots === pool.shots && each.whole === pool.whole,
          );
          return point === undefined
            ? '–'
            : rangedCell(percent(point.accuracy), percent(point.low), percent(point.high));
        }),
      ],
    })),
  };
  const words = { label: 'Accuracy by examples of each label', description: endsOf(points, names) };
  return {
    id: 'curve',
    title: 'With fewer examples',
    html: html`<p>${reading}</p>
      ${figure({
        caption: 'Accuracy by examples of each label in the pool',
        key: keyList([...styles].map(([name, style]) => [key(style), shorten(name, 40)])),
        chart: drawTwice((width) => curveLines(points, styles, width, words)),
        table,
      })}`,
    markdown: `${escapeMarkdown(reading)}\n\n${markdownTable(table)}`,
  };
};

/** Pools by size, the whole one last among equals. */
function poolsOf(points: readonly CurvePoint[]): { shots: number; whole: boolean; title: string }[] {
  const pools = new Map(points.map(({ shots, whole }) => [`${shots} ${whole}`, { shots, whole }]));
  return [...pools.values()]
    .sort((a, b) => a.shots - b.shots || Number(a.whole) - Number(b.whole))
    .map(({ shots, whole }) => ({
      ...{ shots, whole },
      title: whole ? `whole pool (about ${wholeNumber(shots)} of each)` : `${wholeNumber(shots)} of each`,
    }));
}

const endsOf = (points: readonly CurvePoint[], names: readonly string[]): string =>
  names
    .map((name) => {
      const own = points.filter(({ selector }) => selector === name).sort((a, b) => a.shots - b.shots);
      const [first, last] = [own[0]!, own.at(-1)!];
      return `${name}: ${percent(first.accuracy)} % with ${first.shots}, ${percent(last.accuracy)} % with ${last.shots}.`;
    })
    .join(' ');
