/** Answers by true label (rows) and answer (columns), as shares of a row. */
import * as Plot from '@observablehq/plot';
import type { ConfusionMatrix } from '../facts/confusions.js';
import type { Html } from '../page/html.js';
import { labelText } from '../page/words.js';
import { draw, type ChartWords } from './draw.js';
import { fitLabels } from './label-width.js';

/** Cells of a row with fewer labels than this have room for a figure. */
const FIGURES = 16;
/** The fullest cell lets the ground through, so that the figure on it is legible. */
const FULLEST = 0.66;

/** @param empty what stands for no label */
export function heatMap({ labels, counts }: ConfusionMatrix, words: ChartWords, empty?: string): Html {
  const fitted = fitLabels(
    labels.map((label) => labelText(label, empty)),
    150,
  );
  const cell = labels.length <= FIGURES ? 34 : 22;
  const cells = counts.flatMap((row, y) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    return row.flatMap((count, x) => (count === 0 ? [] : [{ x, y, count, share: count / total, right: x === y }]));
  });
  const places = labels.map((_, i) => i);
  const side = fitted.width + 16;
  const band = { domain: places, axis: null, padding: 0.06 };
  return draw(
    {
      width: side + cell * labels.length + 12,
      height: side + cell * labels.length + 12,
      ...{ marginLeft: side, marginTop: side, marginRight: 12, marginBottom: 12 },
      x: band,
      y: band,
      marks: [
        Plot.cell(
          places.flatMap((y) => places.map((x) => ({ x, y }))),
          { x: 'x', y: 'y', fill: 'var(--panel)' },
        ),
        Plot.cell(cells, {
          ...{ x: 'x', y: 'y', fillOpacity: { value: ({ share }: { share: number }) => FULLEST * share, scale: null } },
          fill: ({ right }: { right: boolean }) => (right ? 'var(--gain)' : 'var(--loss)'),
        }),
        ...(labels.length <= FIGURES
          ? [
              Plot.text(cells, {
                x: 'x',
                y: 'y',
                text: ({ count }: { count: number }) => String(count),
                fontSize: 12,
                fill: 'var(--fg)',
              }),
            ]
          : []),
        Plot.text(places, { y: (i: number) => i, text: (i: number) => fitted.texts[i]!, frameAnchor: 'left', textAnchor: 'end', dx: -8, fontSize: 12 }), // prettier-ignore
        Plot.text(places, { x: (i: number) => i, text: (i: number) => fitted.texts[i]!, frameAnchor: 'top', textAnchor: 'start', rotate: -90, dy: -8, fontSize: 12 }), // prettier-ignore
      ],
    },
    words,
  );
}
