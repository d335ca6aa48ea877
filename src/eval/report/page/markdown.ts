/** Markdown (GitHub's) with data of others in it. */

/** On one line, with all that has a meaning in Markdown or HTML written so that it has none. */
export function escapeMarkdown(text: string): string {
  return (
    text
      .toWellFormed()
      .replace(/\s+/gu, ' ')
      .replace(/\p{Cc}/gu, '\uFFFD')
      .trim()
      .replace(/[\\`*[\]|~$]/g, '\\$&')
      .replace(/&/g, '&amp;')
      .replace(/</g, '&lt;')
      .replace(/>/g, '&gt;')
      // Inside a word an underscore means nothing, and names are full of them.
      .replace(/(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, '\\_')
      .replace(/^(#|[-+]|\d+[.)])(?=\s|$)/u, '\\$1')
  );
}

/** Code within a line. */
export function codeSpan(text: string): string {
  const longest = Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const quote = '`'.repeat(longest + 1);
  const padding = text.startsWith('`') || text.endsWith('`') ? ' ' : '';
  return `${quote}${padding}${text.replace(/\s+/gu, ' ')}${padding}${quote}`;
}

/** A fenced block; the fence is longer than any run of backticks in it. */
export function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
