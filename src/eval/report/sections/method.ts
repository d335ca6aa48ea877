/** How it was measured, so that others can do it again. */
import type { DataCounts } from '../../data/data-counts.js';
import type { ReportModel, RowSettings } from '../model.js';
import { html } from '../page/html.js';
import { fenced } from '../page/markdown.js';
import { commandHtml } from '../page/command.js';
import { htmlTable, markdownTable, type Table } from '../page/table.js';
import { counted, percent } from '../page/words.js';
import { folded } from './figure.js';
import type { Section } from './section.js';

export const method: Section = (model) => {
  const { method: how } = model;
  const table = settingsOf(model);
  const spec = how.spec === null ? null : JSON.stringify(how.spec, null, 2);
  return {
    id: 'method',
    title: 'How it was measured',
    html: html`${htmlTable(table)}
    ${
      how.command === null
        ? null
        : html`<h3>Run it again</h3>
            <pre><code>${commandHtml(how.command)}</code></pre>`
    }
    ${spec === null ? null : folded('Settings of the features', html`<pre><code>${spec}</code></pre>`)}`,
    markdown: [
      markdownTable(table),
      ...(how.command === null ? [] : ['### Run it again', fenced(how.command, 'sh')]),
      ...(spec === null ? [] : ['### Settings of the features', fenced(spec, 'json')]),
    ].join('\n\n'),
  };
};

function settingsOf({ method: how, k, seeds, baseline, llm, data: { counts } }: ReportModel): Table {
  const rows: readonly (readonly [string, string | null])[] = [
    ['data', how.rows === null ? how.data : null],
    ...(how.rows === null ? [] : sourcesOf(how.rows, counts)),
    ['encoder', how.encoder?.id ?? null],
    ['examples for each query (k)', String(k)],
    ['LLM', llm === null ? null : `${llm.model}, at temperature 0`],
    ['template', llm?.template ?? null],
    ['most tokens of a reply', llm === null ? null : llm.maxTokens === null ? 'no limit' : String(llm.maxTokens)],
    ['price of a million tokens', llm === null || llm.prices === null ? null : `prompt ${llm.prices.input}, reply ${llm.prices.output}`],
    ['baseline', baseline],
    ['seeds', seeds.join(', ')],
    ['width after PCA', how.dims === null ? null : `${counted(how.dims, 'dimension')} at most`],
    ['intervals', '95 %: over queries (Wilson’s; for gains a paired bootstrap), over seeds too where there are several'],
    ['fingerprint', how.fingerprint],
    ['versions', Object.entries(how.versions).map(([name, version]) => `${name} ${version}`).join(', ')],
    ['date', how.date],
  ]; // prettier-ignore
  return {
    caption: 'Settings of the comparison',
    columns: [{ title: 'setting' }, { title: 'value' }],
    rows: rows.flatMap(([name, value]) =>
      value === null
        ? []
        : [{ cells: [name, name === 'fingerprint' ? { text: value, html: html`<code>${value}</code>` } : value] }],
    ),
  };
}

function sourcesOf(
  { train, test, split, limitTrain, limitTest }: RowSettings,
  counts: Pick<DataCounts, 'train' | 'test'>,
): [string, string][] {
  const moved =
    split === null || split.moved === 0
      ? ''
      : `; ${counted(split.moved, 'row')} with the text of an earlier row went to its side`;
  return [
    ['pool', `${train}: ${counted(counts.train, 'row')}`],
    ['queries', `${test ?? `held out of ${train}`}: ${counted(counts.test, 'row')}`],
    ['split', split === null ? 'none: the queries have a source of their own' : `${percent(split.share)} % of the texts held out, label by label, drawn with seed ${split.seed}${moved}`],
    ['limit of the pool', limitText(limitTrain)],
    ['limit of the queries', limitText(limitTest)],
  ]; // prettier-ignore
}

const limitText = (limit: number | null): string =>
  limit === null ? 'none' : `${counted(limit, 'row')} at most, a random part drawn with seed 0`;
