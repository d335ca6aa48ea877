/** The document as a page to read: no script, one style sheet whose hash the policy names, everything from outside as text. */
import { createHash } from 'node:crypto';
import type { DocumentedReply, OpenApiDocument, Operation } from './document.js';

export interface DocumentPage {
  readonly html: string;
  /** Allows the page's own style and nothing else. */
  readonly contentSecurityPolicy: string;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5b626a; --ground: #ffffff; --raised: #f4f5f6; --line: #d9dce0; --accent: #0b5d4e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ea; --soft: #a3abb3; --ground: #16181a; --raised: #1f2225; --line: #363b40; --accent: #6fd3bd; }
}
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 6rem; font: 1rem/1.5 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
h1 { margin: 0; } h2 { margin: 2.5rem 0 .5rem; } p { margin: .25rem 0; color: var(--soft); }
details { margin: .5rem 0; border: 1px solid var(--line); border-radius: .4rem; }
summary { display: flex; flex-wrap: wrap; gap: .25rem .75rem; padding: .6rem .8rem; cursor: pointer; background: var(--raised); border-radius: .4rem; }
summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
summary b { min-width: 3.5rem; color: var(--accent); } summary span { color: var(--soft); }
section { padding: .25rem .8rem .8rem; } h3 { margin: 1rem 0 .25rem; font-size: .95rem; }
code, pre, summary b { font-family: ui-monospace, monospace; font-size: .9rem; overflow-wrap: anywhere; }
pre { margin: .25rem 0; padding: .6rem .8rem; overflow-x: auto; background: var(--raised); border-radius: .4rem; }
table { border-collapse: collapse; width: 100%; } th, td { padding: .3rem .6rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
a { color: var(--accent); }
`;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const text = (value: string): string => value.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
const json = (value: unknown): string => `<pre tabindex="0">${text(JSON.stringify(value, null, 2))}</pre>`;

export function documentPage(document: OpenApiDocument): DocumentPage {
  const { info, tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const groups = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const parts = own.map(({ path, method, operation }) => operationPart(path, method, operation));
    return `<h2>${text(name)}</h2><p>${text(description)}</p>${parts.join('')}`;
  });
  const schemas = Object.entries(components['schemas'] as Record<string, unknown>).map(
    ([name, schema]) =>
      `<details id="schema-${text(name)}"><summary><code>${text(name)}</code></summary><section>${json(schema)}</section></details>`,
  );
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(info.title)} ${text(info.version)}: HTTP interface</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${text(info.title)} ${text(info.version)}</h1>
<p>${text(info.description)} For programs: <a href="openapi.json">openapi.json</a>.</p>
${groups.join('\n')}
<h2>schemas</h2>
${schemas.join('\n')}
</main>
</body>
</html>
`;
  const hash = createHash('sha256').update(STYLE).digest('base64');
  return {
    html,
    contentSecurityPolicy: `default-src 'none';style-src 'sha256-${hash}';frame-ancestors 'none';base-uri 'none';form-action 'none'`,
  };
}

function operationPart(path: string, method: string, operation: Operation): string {
  const { summary, description = '', parameters = [], requestBody, responses } = operation;
  const rows = parameters.map(
    ({ name, in: place, required, schema, description = '' }) =>
      `<tr><td><code>${text(name)}</code></td><td>${place}${required ? ', required' : ''}</td><td>${text(description)} <code>${text(JSON.stringify(schema))}</code></td></tr>`,
  );
  const body =
    requestBody === undefined
      ? ''
      : `<h3>Body</h3><p>${text(requestBody.description)}</p>${contentParts(requestBody.content)}`;
  const replies = Object.entries(responses).map(([status, reply]) => replyRow(status, reply));
  return `<details><summary><b>${text(method.toUpperCase())}</b><code>${text(path)}</code><span>${text(summary)}</span></summary><section>
<p>${text(description)}</p>${rows.length === 0 ? '' : `<h3>Parameters</h3><table>${rows.join('')}</table>`}${body}
<h3>Replies</h3><table>${replies.join('')}</table></section></details>
`;
}

const replyRow = (status: string, { description, content = {} }: DocumentedReply): string =>
  `<tr><th scope="row">${text(status)}</th><td>${text(description)}${Number(status) < 400 ? contentParts(content) : ''}</td></tr>`;

const contentParts = (content: Readonly<Record<string, { readonly schema: unknown }>>): string =>
  Object.entries(content)
    .map(([type, { schema }]) => `<p><code>${text(type)}</code></p>${json(schema)}`)
    .join('');
