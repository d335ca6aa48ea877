/** The pool as a map. */
import { drawTwice } from '../charts/draw.js';
import { mapPoints } from '../charts/map-points.js';
import { crossKey, key, styleOf } from '../charts/series-style.js';
import type { PoolMap } from '../facts/pool-map.js';
import { Html, html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { labelCell, markdownTable, type Table } from '../page/table.js';
import { counted, labelText, percent, shorten, whole } from '../page/words.js';
import { figure, keyList } from './figure.js';
import type { Section } from './section.js';

export const map: Section = ({ map: found, llm }) => {
  if (found === null) return null;
  const styles = new Map(found.labels.map(({ label }, place) => [label, styleOf(place)]));
  const name = shorten(found.selector, 40);
  const reading = readingOf(found, llm === null ? name : `the LLM with ${name}`);
  const table = tableOf(found);
  const rest: [Html, string][] = found.all ? [] : [[key({ colour: 'var(--rest)', symbol: 0 }), 'all other labels']];
  const wrong: [Html, string][] = found.wrong.length === 0 ? [] : [[crossKey(), 'query answered wrongly']];
  const words = {
    label: 'Map of the pool',
    description: `${reading} The table below says how far each label keeps to itself.`,
  };
  return {
    id: 'map',
    title: 'Map of the pool',
    html: html`<p>${reading}</p>
      ${figure({
        caption: `The pool as ${name} sees it`,
        key: keyList([
          ...found.labels.map(({ label }): [Html, string] => [key(styles.get(label)!), shorten(labelText(label), 40)]),
          ...rest,
          ...wrong,
        ]),
        chart: drawTwice((width) => mapPoints(found, styles, width, words)),
        table,
      })}`,
    markdown: `${escapeMarkdown(reading)} The drawing is in report.html.\n\n${markdownTable(table)}`,
  };
};

/** @param judged whose answers the crosses are */
function readingOf({ rows, points, wrong, all }: PoolMap, judged: string): string {
  const drawn =
    points.length === rows
      ? `All ${counted(rows, 'row')} of the pool`
      : `${whole(points.length)} of the ${whole(rows)} rows of the pool, drawn at random`;
  const told = all
    ? 'each label with its colour and shape'
    : 'the labels confused most with a colour and a shape, the others in grey';
  const crosses =
    wrong.length === 0
      ? ''
      : ` Crosses are ${counted(wrong.length, 'query', 'queries')} that ${judged} answered wrongly.`;
  return (
    `${drawn}, laid out so that texts with like features lie close together (UMAP): ${told}. Labels that lie in one heap are hard to tell apart by ` +
    `their neighbours; a point amid another label may be labelled wrongly. Only nearness has a meaning, directions and large distances have none.${crosses}`
  );
}

const tableOf = ({ labels }: PoolMap): Table => ({
  caption: 'How far each label keeps to itself on the map',
  columns: [
    { title: 'label' },
    { title: 'points', align: 'right' },
    { title: 'same label among the 10 nearest %', align: 'right' },
  ],
  rows: labels.map(({ label, points, sameLabelNearby }) => ({
    cells: [labelCell(label), whole(points), percent(sameLabelNearby)],
  })),
});
