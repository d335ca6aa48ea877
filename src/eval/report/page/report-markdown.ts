/** The report as Markdown, for pull requests and tickets: the same words and tables, without the charts. */
import type { ReportModel } from '../model.js';
import { renderSections } from '../sections/sections.js';
import { escapeMarkdown } from './markdown.js';
import { shorten } from './words.js';

export function reportMarkdown(model: ReportModel): string {
  const [first, ...rest] = renderSections(model);
  return `${[
    `# ${escapeMarkdown(shorten(model.title, 100))}`,
    first!.markdown,
    ...rest.flatMap(({ title, markdown }) => [`## ${escapeMarkdown(title)}`, markdown]),
  ].join('\n\n')}\n`;
}
