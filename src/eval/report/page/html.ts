/**
 * HTML from a tagged template that escapes whatever is put into it, unless it is {@link Html} itself: texts and labels are data of
 * others. Interpolations belong in text or in quoted attribute values; nothing here makes other places safe.
 */

/** Markup that is safe to write as it is. */
export class Html {
  readonly markup: string;

  private constructor(markup: string) {
    this.markup = markup;
  }

  /** For what this package writes itself (a style sheet, serialised SVG), never for data. */
  static trusted(markup: string): Html {
    return new Html(markup);
  }

  toString(): string {
    return this.markup;
  }
}

/** Null and undefined leave nothing, lists are joined. */
export type HtmlValue = string | number | Html | null | undefined | readonly HtmlValue[];

export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  const [first = '', ...rest] = parts;
  return Html.trusted(rest.reduce((markup, part, i) => markup + markupOf(values[i]) + part, first));
}

function markupOf(value: HtmlValue): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'string' || typeof value === 'number') return escapeHtml(String(value));
  return value.map(markupOf).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and quoted attribute values. What no HTML file may hold (control characters, halves of pairs) becomes U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[^\P{Cc}\t\n\r]/gu, '\uFFFD')
    .replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}
