/** What the data are like. */
import { drawTwice } from '../charts/draw.js';
import { sizeBars } from '../charts/size-bars.js';
import type { DataNotes } from '../facts/data-notes.js';
import { html } from '../page/html.js';
import { escapeMarkdown } from '../page/markdown.js';
import { htmlTable, labelCell, markdownTable, textCell, type Table } from '../page/table.js';
import { counted, listed, shorten, whole } from '../page/words.js';
import { figure, folded } from './figure.js';
import type { Section } from './section.js';

export const data: Section = ({ data: notes }) => {
  const counts = countTable(notes);
  const some = examplesOf(notes);
  const classes = classTable(notes);
  const reading = sizesText(notes);
  const words = { label: 'Sizes of the labels', description: reading };
  return {
    id: 'data',
    title: 'The data',
    html: html`<p>Every row was kept. What is not 0 below is worth a look before the figures are trusted.</p>
      ${htmlTable(counts)} ${some.map(({ title, table }) => folded(title, htmlTable(table)))}
      <h3>Sizes of the labels</h3>
      <p>${reading}</p>
      ${figure({ caption: 'Labels by rows in the pool', chart: drawTwice((width) => sizeBars(notes.sizes, width, words)) })}
      ${folded(`All ${counted(notes.classes.length, 'label')}`, htmlTable(classes))}`,
    markdown: [
      markdownTable(counts),
      ...some.flatMap(({ title, table }) => [`### ${title}`, markdownTable(table)]),
      '### Sizes of the labels',
      escapeMarkdown(reading),
    ].join('\n\n'),
  };
};

function sizesText({ classes }: DataNotes): string {
  const inPool = classes.filter(({ pool }) => pool > 0);
  const [largest, smallest] = [inPool[0], inPool.at(-1)];
  if (largest === undefined || smallest === undefined) return 'The pool is empty.';
  const name = ({ label, pool }: DataNotes['classes'][number]): string =>
    `“${shorten(label, 48)}” (${counted(pool, 'row')})`;
  return largest.pool === smallest.pool
    ? `Every label has ${counted(largest.pool, 'row')} in the pool.`
    : `The largest label of the pool is ${name(largest)}, the smallest ${name(smallest)}. A vote favours large labels.`;
}

function countTable({ counts, truncated }: DataNotes): Table {
  const rows: readonly (readonly [string, number, string])[] = [
    ['pool rows', counts.train, 'examples to choose from'],
    ['queries', counts.test, 'what was asked'],
    ['labels in the pool', counts.labels, 'what an answer can be'],
    ['repeated pool rows', counts.repeatedTrain, 'an earlier row has the same text: a prompt may show it twice'],
    ['repeated queries', counts.repeatedTest, 'an earlier query has the same text: it counts twice'],
    ['queries in the pool', counts.testInTrain, 'to the letter: any selector by text finds them'],
    [
      'the same but for case and spaces',
      counts.testInTrainNormalised,
      'these are left out where accuracy is given without leaks',
    ],
    ['texts with several labels', counts.conflicts, 'pool texts: at most one of the labels can be right'],
    ...(truncated === null
      ? []
      : ([
          ['pool rows longer than the encoder reads', truncated.train, 'compared by their beginnings'],
          ['queries longer than the encoder reads', truncated.test, 'compared by their beginnings'],
        ] as const)),
    ['queries with an unknown label', counts.unknownLabel, 'no pool row has it: they cannot be right'],
  ];
  return {
    caption: 'Counts of the data',
    columns: [{ title: 'what' }, { title: 'count', align: 'right' }, { title: 'why it matters' }],
    rows: rows.map(([name, count, why]) => ({ cells: [name, whole(count), why] })),
  };
}

/** Only what there is. */
function examplesOf({ repeated, conflicts, leaks, unknown }: DataNotes): { title: string; table: Table }[] {
  return [
    {
      title: 'Pool texts that occur most often',
      table: {
        columns: [{ title: 'text' }, { title: 'rows', align: 'right' as const }],
        rows: repeated.map((each) => ({ cells: [textCell(each.text), whole(each.rows)] })),
      },
    },
    {
      title: 'Pool texts with several labels',
      table: {
        columns: [{ title: 'text' }, { title: 'labels' }],
        rows: conflicts.map(({ text: own, labels }) => ({ cells: [textCell(own), shorten(listed(labels), 200)] })),
      },
    },
    {
      title: 'Queries that are in the pool',
      table: {
        columns: [{ title: 'text' }, { title: 'label' }, { title: 'labels in the pool' }],
        rows: leaks.map(({ text: own, label, poolLabels }) => ({
          cells: [textCell(own), labelCell(label), shorten(listed(poolLabels), 200)],
        })),
      },
    },
    {
      title: 'Labels of queries that the pool lacks',
      table: {
        columns: [{ title: 'label' }, { title: 'queries', align: 'right' as const }],
        rows: unknown.map(({ label, queries }) => ({ cells: [labelCell(label), whole(queries)] })),
      },
    },
  ]
    .filter(({ table }) => table.rows.length > 0)
    .map(({ title, table }) => ({ title, table: { caption: title, ...table } }));
}

const classTable = ({ classes }: DataNotes): Table => ({
  caption: 'Rows and queries of each label',
  columns: [{ title: 'label' }, { title: 'pool rows', align: 'right' }, { title: 'queries', align: 'right' }],
  rows: classes.map(({ label, pool, queries }) => ({ cells: [labelCell(label), whole(pool), whole(queries)] })),
});
