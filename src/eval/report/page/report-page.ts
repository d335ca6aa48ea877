/** The report as one file of HTML: nothing is fetched, and no script runs. */
import type { ReportModel } from '../model.js';
import { renderSections } from '../sections/sections.js';
import { Html, html } from './html.js';
import { STYLE_SHEET } from './style-sheet.js';
import { shorten } from './words.js';

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export function reportPage(model: ReportModel): string {
  const [first, ...rest] = renderSections(model);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${POLICY}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${shorten(model.title, 100)}</title>
        <style>
          ${Html.trusted(STYLE_SHEET)}
        </style>
      </head>
      <body>
        <main>
          <header>
            <p class="eyebrow">Comparison of example selectors</p>
            <h1><bdi>${shorten(model.title, 100)}</bdi></h1>
          </header>
          <section class="first" id="${first!.id}">${first!.html}</section>
          <nav aria-label="Contents">
            <ul>
              ${rest.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}
            </ul>
          </nav>
          ${rest.map(
            (section) =>
              html`<section id="${section.id}">
                <h2>${section.title}</h2>
                ${section.html}
              </section> `,
          )}
          <footer>
            Made by fungi-icl ${model.method.versions['fungi-icl']}. The same figures for programs are in report.json
            beside this file.
          </footer>
        </main>
      </body>
    </html> `.markup;
}
