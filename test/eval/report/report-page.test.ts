/** The whole page: nothing of the data becomes markup, nothing is there that report.json lacks, and one input gives one page. */
import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { reportModel, type ReportInput, type ReportModel } from '../../../src/eval/report/model.js';
import { reportMarkdown } from '../../../src/eval/report/page/report-markdown.js';
import { reportPage } from '../../../src/eval/report/page/report-page.js';
import { STYLE_SHEET } from '../../../src/eval/report/page/style-sheet.js';
import { hostile } from './hostile.js';
import { reportInput, rowsOf, SMALL, type Small } from './support.js';

interface Element {
  readonly localName: string;
  readonly textContent: string;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  getAttribute(name: string): string | null;
}

const elementsOf = (page: string, selector = '*'): Element[] =>
  Array.from((parseHTML(page) as unknown as { document: { querySelectorAll(selector: string): Iterable<Element> } }).document.querySelectorAll(selector)); // prettier-ignore

const ELEMENTS = new Set(
  (
    'html head meta title style body main header p h1 h2 h3 h4 section nav ul ol li a dl dt dd div span bdi em code pre table thead tbody tr th td ' +
    'figure figcaption details summary article footer svg g path rect line circle text tspan'
  ).split(' '),
);
const REFERENCES = ['href', 'src', 'srcset', 'action', 'xlink:href', 'data', 'poster'];

function assertInert(page: string): void {
  const all = elementsOf(page);
  expect([...new Set(all.map(({ localName }) => localName))].filter((name) => !ELEMENTS.has(name))).toEqual([]);
  const attributes = all.flatMap((element) => [...element.attributes]);
  expect(attributes.filter(({ name }) => name.startsWith('on') || name === 'style')).toEqual([]);
  const leads = attributes.filter(({ name }) => REFERENCES.includes(name)).map(({ value }) => value);
  expect(leads.filter((value) => !/^#[a-z-]+$/.test(value))).toEqual([]);
  const styles = elementsOf(page, 'style');
  expect(styles.map(({ textContent }) => textContent.trim())).toEqual([STYLE_SHEET.trim()]);
  const ids = attributes.filter(({ name }) => name === 'id').map(({ value }) => value);
  expect(new Set(ids).size).toBe(ids.length);
}

const withMap = (small: Small): Small => ({
  ...small,
  map: {
    ...{ selector: Object.keys(small.choosers)[0]!, dims: 2 },
    pool: Float32Array.from({ length: 2 * small.pool.length }, (_, i) => Math.sin(i)),
    queries: Float32Array.from({ length: 2 * small.queries.length }, (_, i) => Math.sin(i + 0.5)),
  },
});

/** Every text, label and name of the input is `text` and a number. */
function spoilt(text: string): Small {
  const labels = ['a', 'b', 'c'].map((end) => `${text}${end}`);
  return withMap({
    ...SMALL,
    pool: rowsOf(labels, 4, text),
    queries: rowsOf(labels, 4, `${text}?`),
    choosers: { ...SMALL.choosers, [`mine${text}`]: () => [0] },
    settings: {
      ...{ data: text, command: text, date: text, encoder: { id: text }, spec: { name: text }, fingerprint: text },
      selectors: ['embedding', 'kl', 'bm25', `mine=${text}`],
    },
    curve: [{ selector: `mine${text}`, shots: 1, whole: false, accuracy: 0.5, low: 0.4, high: 0.6, seeds: [] }],
  });
}

describe('the page', () => {
  it('makes no element, attribute or link of data', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (text) => {
        assertInert(reportPage(reportModel(await reportInput(spoilt(text)))));
      }),
      { numRuns: 8 },
    );
  });

  it('shows hostile text as text', async () => {
    const text = '<script>alert("1")</script></style><img src=x onerror=\'y\'> & שלום 🎉';
    const page = reportPage(reportModel(await reportInput(spoilt(text))));
    assertInert(page);
    const shown = elementsOf(page, '.case bdi').map(({ textContent }) => textContent);
    expect(shown.some((each) => each.includes(text))).toBe(true);
    expect(elementsOf(page, 'pre').map(({ textContent }) => textContent.trim())).toContain(text);
  });

  it('is made of the JSON alone, and is the same each time', async () => {
    const input = await reportInput(withMap({ ...SMALL, settings: { command: 'fungi eval compare', data: 'small' } }));
    const model = reportModel(input);
    const read = JSON.parse(JSON.stringify(model)) as ReportModel;
    expect(reportModel(input)).toEqual(model);
    expect(reportPage(read)).toBe(reportPage(model));
    expect(reportMarkdown(read)).toBe(reportMarkdown(model));
  });

  it('forbids scripts and everything from elsewhere', async () => {
    const page = reportPage(reportModel(await reportInput(SMALL)));
    const [policy] = elementsOf(page, 'meta[http-equiv]');
    expect(policy!.getAttribute('content')).toBe("default-src 'none'; style-src 'unsafe-inline'; img-src data:");
    // Before anything that it is to forbid.
    expect(page.indexOf('http-equiv')).toBeLessThan(page.indexOf('<style>'));
    expect(page).not.toMatch(/url\(|@import|https?:/);
  });

  it('names every chart, and has no colours of its own in them', async () => {
    const page = reportPage(reportModel(await reportInput(withMap(SMALL))));
    const charts = elementsOf(page, 'figure > div svg');
    expect(charts.length).toBeGreaterThan(5);
    for (const chart of charts) {
      expect(chart.getAttribute('role')).toBe('img');
      expect(chart.getAttribute('aria-label')).not.toBe('');
      expect(chart.getAttribute('aria-description')).not.toBe('');
    }
    const colours = elementsOf(page, 'svg *').flatMap((each) => [
      each.getAttribute('fill'),
      each.getAttribute('stroke'),
    ]);
    expect(
      [...new Set(colours)].filter((each) => each !== null && !/^(var\(--[a-z0-9-]+\)|none|currentColor)$/.test(each)),
    ).toEqual([]);
  });
});

describe('edge cases', () => {
  const render = async (small: Small): Promise<{ model: ReportModel; page: string; markdown: string }> => {
    const input: ReportInput = await reportInput(small);
    const model = reportModel(input);
    const page = reportPage(model);
    assertInert(page);
    return { model, page, markdown: reportMarkdown(model) };
  };

  it('one selector, one query, one label among the pool’s two, and fewer rows than k', async () => {
    const { model, page } = await render({
      pool: [{ input: 'x', label: 'a' }, { input: 'y', label: 'b' }],
      queries: [{ input: 'z', label: 'a' }],
      choosers: { mine: () => [0, 1] },
      k: 20,
    }); // prettier-ignore
    expect(model.advice).toEqual({ advised: 'mine', significant: false, focus: null });
    expect(model.classes).toBeNull();
    expect(page).toContain('Only mine was compared');
  });

  it('nothing chosen for any query', async () => {
    const { model, markdown } = await render({ ...SMALL, choosers: { bm25: () => [], kl: () => [] } });
    expect(model.confusions.pairs[0]).toMatchObject({ predicted: '', of: 4, counts: [4, 4] });
    expect(model.cases.groups.map(({ kind, total }) => [kind, total])).toEqual([['won', 0], ['lost', 0], ['all-wrong', 12]]); // prettier-ignore
    expect(markdown).toContain('(nothing chosen)');
  });

  it('three hundred labels, long ones, and texts of ten thousand characters', async () => {
    const labels = Array.from({ length: 300 }, (_, i) => `label ${i} ${'long '.repeat(i === 0 ? 400 : 0)}`);
    const text = 'word '.repeat(2000);
    const pool = rowsOf(labels, 1, 'example').map((row, i) => (i < 5 ? { ...row, input: text } : row));
    const queries = rowsOf(labels, 1, 'query').map((row, i) => (i === 7 ? { ...row, input: `${text}!` } : row));
    const { model, page, markdown } = await render(
      withMap({ ...SMALL, pool, queries, choosers: { embedding: () => [0, 1, 2], kl: (query) => [query, 0, 1] } }),
    );
    expect(model.confusions.matrices).toEqual([]);
    expect(model.classes!.classes).toHaveLength(300);
    expect(model.map!.labels).toHaveLength(8);
    // Cut where many are seen, whole where one opens it.
    expect(elementsOf(page, 'details.more bdi.whole').map(({ textContent }) => textContent)).toContain(text);
    expect(Math.max(...elementsOf(page, 'summary bdi').map(({ textContent }) => textContent.length))).toBeLessThan(200);
    expect(Math.max(...markdown.split('\n').map((line) => line.length))).toBeLessThan(3000);
  });

  it('a query whose label the pool lacks, copies and leaks', async () => {
    const { model, page } = await render({
      ...SMALL,
      pool: [...SMALL.pool, { input: 'twice', label: 'red' }, { input: 'twice', label: 'green' }],
      queries: [...SMALL.queries, { input: ' TWICE', label: 'red' }, { input: 'new', label: 'violet' }],
    });
    expect(model.data).toMatchObject({
      conflicts: [{ text: 'twice', labels: ['green', 'red'] }],
      repeated: [{ text: 'twice', rows: 2 }],
      leaks: [{ text: ' TWICE', label: 'red', poolLabels: ['green', 'red'] }],
      unknown: [{ label: 'violet', queries: 1 }],
    });
    expect(page).toContain('without leaks %');
    expect(model.nextSteps.at(-1)!.text).toBe(
      'Mend the data and run this again: 1 pool text has several labels; 1 query has a label that the pool lacks, and cannot be right; ' +
        '1 query is in the pool, and flatters every selector by text.',
    );
  });
});
