/** How it was measured, so that others can do it again. */
import type { ReportModel } from '../model.js';
import { html } from '../page/html.js';
import { fenced } from '../page/markdown.js';
import { htmlTable, markdownTable, type Table } from '../page/table.js';
import { counted } from '../page/words.js';
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
            <pre><code>${how.command}</code></pre>`
    }
    ${spec === null ? null : folded('Settings of the features', html`<pre><code>${spec}</code></pre>`)}`,
    markdown: [
      markdownTable(table),
      ...(how.command === null ? [] : ['### Run it again', fenced(how.command, 'sh')]),
      ...(spec === null ? [] : ['### Settings of the features', fenced(spec, 'json')]),
    ].join('\n\n'),
  };
};

function settingsOf({ method: how, k, seeds, baseline, llm }: ReportModel): Table {
  const rows: readonly (readonly [string, string | null])[] = [
    ['data', how.data],
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
