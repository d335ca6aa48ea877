/** What is put into a template stays text. */
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { escapeHtml, Html, html } from '../../../src/eval/report/page/html.js';
import { hostile } from './hostile.js';

/** What is left of a text that HTML cannot hold as it is. */
const writable = (text: string): string => text.toWellFormed().replace(/[^\P{Cc}\t\n\r]/gu, '\uFFFD');

interface Parsed {
  readonly document: {
    querySelectorAll(
      selector: string,
    ): ArrayLike<{ readonly textContent: string; getAttribute(name: string): string | null }>;
  };
}

describe('html', () => {
  it('keeps any text as it is, in content and in attributes', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const { document } = parseHTML(
          `<!doctype html><html><body>${html`<p title="${text}">${text}</p>`.markup}</body></html>`,
        ) as unknown as Parsed;
        const all = document.querySelectorAll('body *');
        expect(all).toHaveLength(1);
        expect(all[0]!.textContent).toBe(writable(text));
        expect(all[0]!.getAttribute('title')).toBe(writable(text));
      }),
    );
  });

  it('leaves no character with a meaning', () => {
    fc.assert(fc.property(hostile, (text) => !/[<>"']|&(?!amp;|lt;|gt;|quot;|#39;)/.test(escapeHtml(text))));
  });

  it('takes its own markup, lists, numbers and nothing', () => {
    const inner = html`<b>${'<'}</b>`;
    expect(html`<p>${inner}${[inner, ' ', 2]}${null}${undefined}</p>`.markup).toBe('<p><b>&lt;</b><b>&lt;</b> 2</p>');
    expect(html`${Html.trusted('<i>')}`.markup).toBe('<i>');
  });
});
