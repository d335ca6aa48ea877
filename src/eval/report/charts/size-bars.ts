/** How many labels have how many rows. */
import * as Plot from '@observablehq/plot';
import type { DataNotes } from '../facts/data-notes.js';
import type { Html } from '../page/html.js';
import { whole } from '../page/words.js';
import { draw, NARROW, type ChartWords } from './draw.js';

export function sizeBars(sizes: DataNotes['sizes'], width: number, words: ChartWords): Html {
  const narrow = width <= NARROW;
  const rows = sizes.map((bin, i) => ({ ...bin, place: i }));
  const name = ({ from, to }: DataNotes['sizes'][number]): string =>
    from === to ? whole(from) : `${whole(from)}–${whole(to)}`;
  // On a phone every other name has room.
  const named = rows.filter(({ place }) => !narrow || rows.length <= 6 || place % 2 === 0);
  return draw(
    {
      width: Math.min(width, 640),
      height: 200,
      ...{ marginTop: 24, marginBottom: 46, marginLeft: 4, marginRight: 4 },
      x: { domain: rows.map(({ place }) => place), axis: null, padding: 0.12 },
      y: { axis: null },
      marks: [
        Plot.barY(rows, { x: 'place', y: 'labels', fill: 'var(--bar-other)', ry2: 2 }),
        Plot.ruleY([0], { stroke: 'var(--muted)' }),
        Plot.text(rows, { x: 'place', y: 'labels', text: ({ labels }: { labels: number }) => (labels === 0 ? '' : String(labels)), dy: -8, fontSize: 12, fill: 'var(--fg)' }), // prettier-ignore
        Plot.text(named, { x: 'place', y: () => 0, text: name, dy: 12, fontSize: 12, fill: 'var(--muted)' }),
        Plot.text(['rows of a label in the pool'], {
          frameAnchor: 'bottom',
          dy: 38,
          fontSize: 12,
          fill: 'var(--muted)',
          text: String,
        }),
      ],
    },
    words,
  );
}
