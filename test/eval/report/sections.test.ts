/** Which parts a report has, what stands in them, and the shape of report.json. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CurvePoint } from '../../../src/eval/compare/curve.js';
import { reportModel, type ReportModel, type ReportSettings } from '../../../src/eval/report/model.js';
import { reportMarkdown } from '../../../src/eval/report/page/report-markdown.js';
import { reportPage } from '../../../src/eval/report/page/report-page.js';
import { renderSections } from '../../../src/eval/report/sections/sections.js';
import { FungiError } from '../../../src/core/errors.js';
import { askedInput, reportInput, rowsOf, SMALL, type Said, type Small } from './support.js';

const modelOf = async (small: Small): Promise<ReportModel> => reportModel(await reportInput(small));
const ids = (model: ReportModel): string[] => renderSections(model).map(({ id }) => id);

const CURVE: CurvePoint[] = ['embedding', 'kl'].flatMap((selector) =>
  [1, 4, 16].map((shots) => ({
    ...{ selector, shots, whole: false, accuracy: 0.5 + shots / 100, low: 0.4, high: 0.8 },
    seeds: [0, 1].map((seed) => ({ seed, accuracy: 0.5 + (shots + seed) / 100 })),
  })),
);
const MAP = { selector: 'kl', dims: 2, pool: Float32Array.from({ length: 24 }, (_, i) => Math.cos(3 * i)) };
const ALWAYS = ['summary', 'accuracy', 'figures', 'confusions', 'cases', 'data', 'method'];

describe('sections', () => {
  it('are there when there is something to say', async () => {
    const all = await modelOf({ ...SMALL, curve: CURVE, map: MAP });
    expect(ids(all)).toEqual(['summary', 'accuracy', 'figures', 'curve', 'classes', 'confusions', 'map', 'cases', 'data', 'method']); // prettier-ignore
    const alone = await modelOf({ ...SMALL, choosers: { bm25: SMALL.choosers['bm25']! }, curve: [] });
    expect(ids(alone)).toEqual(ALWAYS);
    // A map of a selector that was not compared says nothing of this comparison.
    expect((await modelOf({ ...SMALL, map: { ...MAP, selector: 'simclr' } })).map).toBeNull();
    const perfect = await modelOf({ ...SMALL, choosers: { mine: (query, { pool }) => pool.flatMap(({ label }, row) => (label === SMALL.queries[query]!.label ? [row] : [])) } }); // prettier-ignore
    expect(ids(perfect)).toEqual(ALWAYS.filter((id) => id !== 'cases'));
  });

  it('are linked from the top, and in the Markdown too', async () => {
    const model = await modelOf({ ...SMALL, curve: CURVE, map: MAP });
    const page = reportPage(model);
    const [, ...rest] = renderSections(model);
    const headings = [...reportMarkdown(model).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(headings).toEqual(rest.map(({ title }) => title));
    for (const { id } of rest) {
      expect(page).toContain(`<a href="#${id}">`);
      expect(page).toContain(`<section id="${id}">`);
    }
  });

  it('begin with the verdict', async () => {
    const model = await modelOf(SMALL);
    expect(model.verdict).toMatch(/^(Use|Stay with) /);
    expect(reportMarkdown(model).split('\n')[2]).toBe(`**${model.verdict}**`);
    expect(reportPage(model)).toMatch(/<\/header>\s*<section class="first" id="summary">\s*<p class="verdict">/);
  });

  it('have a column for leaks only where there are some', async () => {
    const leaky: Small = { ...SMALL, queries: [...SMALL.queries, { input: 'EXAMPLE 0 about red', label: 'red' }] };
    expect(reportPage(await modelOf(SMALL))).not.toContain('without leaks %');
    expect(reportPage(await modelOf(leaky))).toContain('without leaks %');
  });

  it('tell the whole pool of the curve from as many examples of each label', async () => {
    const whole = { ...CURVE[2]!, whole: true, accuracy: 0.9 };
    const markdown = reportMarkdown(await modelOf({ ...SMALL, curve: [...CURVE.slice(0, 3), whole] }));
    expect(markdown).toContain('| selector | 1 of each | 4 of each | 16 of each | whole pool (about 16 of each) |');
    expect(markdown).toContain('| 66.0 (40.0 to 80.0) | 90.0 (40.0 to 80.0) |');
    expect(markdown).toContain('The whole pool stands at the mean of its labels.');
  });

  it('draw a heat map for few labels, and none for many', async () => {
    const labels = Array.from({ length: 31 }, (_, i) => `l${i}`);
    const many: Small = { ...SMALL, pool: rowsOf(labels, 1, 'example'), queries: rowsOf(labels, 1, 'query') };
    expect(reportPage(await modelOf(SMALL))).toContain('by true label');
    expect(reportPage(await modelOf(many))).not.toContain('by true label');
  });

  it('name the rows that were compared, how they were drawn, and what computed the features', async () => {
    const settingsOf = async (rows: ReportSettings['rows']): Promise<string[]> => {
      const markdown = reportMarkdown(await modelOf({ ...SMALL, settings: { rows, data: 'd/train.jsonl', versions: { 'onnxruntime-node': '1.2.3' } } })); // prettier-ignore
      return markdown.slice(markdown.indexOf('## How it was measured')).split('\n');
    };
    const own = await settingsOf({ train: 'd/train.jsonl', test: 'd/test.jsonl', split: null, limitTrain: 300, limitTest: null }); // prettier-ignore
    expect(own).toEqual(
      expect.arrayContaining([
        '| pool | d/train.jsonl: 12 rows |',
        '| queries | d/test.jsonl: 12 rows |',
        '| split | none: the queries have a source of their own |',
        '| limit of the pool | 300 rows at most, a random part drawn with seed 0 |',
        '| limit of the queries | none |',
        '| examples for each query (k) | 3 |',
        '| seeds | 0 |',
        expect.stringMatching(/^\| versions \| fungi-icl [\d.]+, node [\d.]+, onnxruntime-node 1\.2\.3 \|$/) as string,
      ]),
    );
    const split = { share: 0.2, seed: 0, moved: 1 };
    const held = await settingsOf({ train: 'd/train.jsonl', test: null, split, limitTrain: null, limitTest: 1 });
    expect(held).toEqual(
      expect.arrayContaining([
        '| queries | held out of d/train.jsonl: 12 rows |',
        '| split | 20.0 % of the texts held out, label by label, drawn with seed 0; 1 row with the text of an earlier row went to its side |',
        '| limit of the queries | 1 row at most, a random part drawn with seed 0 |',
      ]),
    );
    // Of rows that no command read nothing is known but a name.
    expect(await settingsOf(undefined)).toContain('| data | d/train.jsonl |');
  });

  it('say where the queries shown were read', async () => {
    const queries = SMALL.queries.map((query, row) => ({ ...query, where: `/far/away/d/test.jsonl:${row + 1}` }));
    const model = await modelOf({ ...SMALL, queries });
    for (const { query, where } of model.cases.groups.flatMap((group) => group.cases)) {
      expect(where).toBe(`/far/away/d/test.jsonl:${query + 1}`);
      expect(reportPage(model)).toContain(`<bdi>d/test.jsonl:${query + 1}</bdi>`);
      expect(reportMarkdown(model)).toContain(` · d/test.jsonl:${query + 1}\n`);
    }
  });

  it('write a minus of the verdict as the rest of the page, and a hyphen in JSON', async () => {
    const input = await reportInput(SMALL);
    const verdict = 'Use a-1: it is ahead (95 % interval -1.2 to -0.4, p = 0.010).';
    const asked = askedInput(input, (query) => query.label);
    const model = reportModel({ ...asked, llm: { ...asked.llm!, verdict } });
    expect(model.verdict).toBe(verdict);
    const shown = 'Use a-1: it is ahead (95 % interval −1.2 to −0.4, p = 0.010).';
    expect(reportPage(model)).toContain(shown);
    expect(reportMarkdown(model)).toContain(shown);
  });

  it('break a command between its words only', async () => {
    const command = 'fungi eval compare --train a.jsonl';
    const page = reportPage(await modelOf({ ...SMALL, settings: { command } }));
    expect(page).toContain('<span class="argument">--train</span> <span class="argument">a.jsonl</span>');
    expect(page.replace(/<\/?span[^>]*>/g, '')).toContain(`<code>${command}</code>`);
  });

  it('give the command, fenced and as typed', async () => {
    const command = "fungi eval compare --selector 'mine=python3 `x`.py'";
    const model = await modelOf({ ...SMALL, settings: { command } });
    expect(reportMarkdown(model)).toContain(`\`\`\`sh\n${command}\n\`\`\``);
    expect(model.method.command).toBe(command);
  });
});

/** Right with kl, wrong with the embedding, and with bm25 whatever an endpoint may do. */
const say = (query: { readonly label: string }, run: { readonly selector: string }, row: number): Said => {
  if (run.selector === 'kl') return query.label;
  if (run.selector === 'embedding') return row === 3 ? `Hmm, <b>${query.label}</b> it may be` : row === 5 ? query.label : 'mauve';
  const fates: Said[] = ['maroon', { cut: `${query.label} because` }, new FungiError('LLM_FAILED', 'refused')];
  return fates[row % 4] ?? query.label;
}; // prettier-ignore

describe('of an LLM', () => {
  it('stand before the vote, and go by what it replied', async () => {
    const model = reportModel(askedInput(await reportInput({ ...SMALL, map: MAP }), say));
    expect(ids(model)).toEqual(['summary', 'accuracy', 'llm', 'cost', 'figures', 'classes', 'confusions', 'map', 'cases', 'data', 'method']); // prettier-ignore
    expect(model.advice).toEqual({ advised: 'kl', significant: true, focus: 'kl' });
    expect(model.verdict).toMatch(/^Use kl: on these 12 queries stand-in is right 91\.7 points more often/);
    expect(model.classes!.classes.map(({ label, difference }) => [label, difference])).toEqual([
      ['blue', 1],
      ['red', 1],
      ['green', 0.75],
    ]);
    // Every reply but one was off the list with the embedding, none with kl.
    expect(model.confusions.pairs[0]).toMatchObject({ predicted: '', counts: [0, 4] });
    expect(model.cases.groups.map(({ kind, total }) => [kind, total])).toEqual([['won', 11], ['lost', 0], ['all-wrong', 0]]); // prettier-ignore
    expect(model.selectors.some((each) => 'gain' in each)).toBe(false);
  });

  it('show replies off the list, errors and what it took, in HTML and Markdown', async () => {
    const model = reportModel(askedInput(await reportInput(SMALL), say, { prices: { input: 2, output: 5 } }));
    const [page, markdown] = [reportPage(model), reportMarkdown(model)];
    expect(page).toContain('Hmm, &lt;b&gt;red&lt;/b&gt; it may be');
    expect(page).not.toContain('Hmm, <b>');
    expect(markdown).toContain('| embedding | mauve | 10 |');
    expect(markdown).toMatch(/^\| bm25 \| 9 \| 6 \| 3 \| 3 \| 3 \|$/m);
    expect(markdown).toMatch(/^\| \*\*kl\*\* \| 2\.8 \| 1,000 \| 10\.0 \| 12 \| 0 \| 40 \| 40 \| 0\.00205 \|$/m);
    expect(markdown).toContain('| this run | 33 | 33,000 | 330 | 0.0677 |');
    expect(markdown).toContain('- kl: the LLM replies ✓');
    expect(markdown).toContain('✗ “mauve” (off the list)');
    expect(markdown).toContain('no reply: LLM_FAILED');
    expect(page).not.toContain('nothing chosen)');
  });

  it('say so where it gave the baseline no reply, and where nobody was asked', async () => {
    const input = await reportInput(SMALL);
    const silent = reportModel(askedInput(input, (query, run, row) => (run.selector === 'embedding' ? new FungiError('LLM_UNREACHABLE', 'gone') : say(query, run, row)))); // prettier-ignore
    expect(silent.advice).toEqual({ advised: null, significant: false, focus: null });
    expect(reportPage(silent)).toContain('The baseline got no reply to hold others against.');
    const early = reportModel(askedInput(input, (query, run) => (run.selector === 'kl' ? query.label : undefined)));
    expect(early.llm).toMatchObject({ queries: 0, unasked: 12 });
    expect(ids(early)).toEqual(['summary', 'llm', 'cost', 'figures', 'data', 'method']);
    expect(reportMarkdown(early)).toContain('12 queries were left unasked');
  });
});

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const interval = { low: z.number(), high: z.number() };
const advised = z.strictObject({
  advised: z.string().nullable(),
  significant: z.boolean(),
  focus: z.string().nullable(),
});
const figures = z.strictObject({
  ...{ selector: z.string(), description: z.string(), accuracy: share, low: share, high: share, macroF1: share },
  ...{
    meanPerClass: share,
    labelHit: share,
    sameLabel: share,
    examples: z.number(),
    accuracyUnleaked: share.nullable(),
  },
  ...{ empty: count, secondsPerQuery: z.number().nullable(), seconds: z.number() },
  gain: z.strictObject({ difference: z.number(), ...interval, p: share, adjusted: share }).optional(),
});
const reply = z
  .strictObject({
    kind: z.enum(['label', 'off-list', 'cut-off', 'failed', 'unasked']),
    ...{ label: z.string().nullable(), text: z.string().max(400).nullable(), error: z.string().nullable() },
  })
  .nullable();
const choice = z.strictObject({
  ...{ selector: z.string(), predicted: z.string(), reply, chosen: count, votes: count, ownLabel: count },
  examples: z
    .array(z.strictObject({ row: count, where: z.string().nullable(), text: z.string(), label: z.string() }))
    .max(5),
});
const maybe = z.number().nullable();
const usage = z.strictObject({
  ...{ replies: count, promptTokens: count, completionTokens: count, estimated: count, cost: maybe },
});
const llm = z.strictObject({
  ...{ model: z.string(), template: z.string(), maxTokens: count.nullable() },
  prices: z.strictObject({ input: z.number(), output: z.number() }).nullable(),
  stopped: z.strictObject({ code: z.string(), message: z.string() }).nullable(),
  ...{ queries: count, unasked: count, requests: count, lost: count },
  usage: z.strictObject({ run: usage, all: usage }),
  summary: z.array(
    z.strictObject({
      ...{ selector: z.string(), accuracy: maybe, low: maybe, high: maybe, macroF1: maybe, meanPerClass: maybe },
      ...{ accuracyUnleaked: maybe, voteAccuracy: maybe, voteLow: maybe, voteHigh: maybe, examples: maybe },
      ...{
        replies: count,
        offList: count,
        cutOff: count,
        failed: count,
        estimated: count,
        calls: count,
        cached: count,
      },
      offListReplies: z.array(z.strictObject({ reply: z.string(), count })),
      failures: z.record(z.string(), count),
      ...{ promptTokens: maybe, completionTokens: maybe, costPerQuery: maybe },
      latencyMs: z.strictObject({ p50: z.number(), p95: z.number(), calls: count }).nullable(),
      gain: z
        .strictObject({ difference: z.number(), ...interval, p: share, adjusted: share, queries: count })
        .optional(),
    }),
  ),
});
const limit = z.int().positive().nullable();
const rows = z.strictObject({
  ...{ train: z.string(), test: z.string().nullable(), limitTrain: limit, limitTest: limit },
  split: z.strictObject({ share, seed: count, moved: count }).nullable(),
});
/** What programs rely on: a name that changes here is a new format. */
const schema = z.strictObject({
  format: z.literal('fungi-report/2'),
  ...{ title: z.string(), verdict: z.string(), advice: advised, baseline: z.string(), k: count, leaked: count },
  nextSteps: z.array(z.strictObject({ text: z.string(), command: z.string().nullable() })),
  seeds: z.array(count),
  llm: llm.nullable(),
  selectors: z.array(figures),
  curve: z
    .array(
      z.strictObject({
        selector: z.string(),
        shots: count,
        whole: z.boolean(),
        accuracy: share,
        ...interval,
        seeds: z.array(z.strictObject({ seed: count, accuracy: share })),
      }),
    )
    .nullable(),
  classes: z
    .strictObject({
      ...{ selector: z.string(), baseline: z.string() },
      classes: z.array(
        z.strictObject({
          label: z.string(),
          queries: count,
          selectorAccuracy: share,
          baselineAccuracy: share,
          difference: z.number(),
        }),
      ),
    })
    .nullable(),
  confusions: z.strictObject({
    ...{ selectors: z.array(z.string()), answers: count },
    pairs: z.array(z.strictObject({ truth: z.string(), predicted: z.string(), of: count, counts: z.array(count) })),
    matrices: z.array(
      z.strictObject({ selector: z.string(), labels: z.array(z.string()), counts: z.array(z.array(count)) }),
    ),
  }),
  map: z
    .strictObject({
      ...{ selector: z.string(), rows: count, all: z.boolean() },
      points: z.array(z.strictObject({ row: count, x: z.number(), y: z.number(), label: z.string() })).max(1500),
      wrong: z.array(
        z.strictObject({ query: count, x: z.number(), y: z.number(), label: z.string(), predicted: z.string() }),
      ),
      labels: z.array(z.strictObject({ label: z.string(), points: count, sameLabelNearby: share })),
    })
    .nullable(),
  cases: z.strictObject({
    ...{ seed: count, selectors: z.array(z.string()) },
    groups: z.array(
      z.strictObject({
        ...{ kind: z.enum(['won', 'lost', 'all-wrong']), total: count },
        cases: z
          .array(
            z.strictObject({
              ...{
                query: count,
                where: z.string().nullable(),
                text: z.string(),
                label: z.string(),
                choices: z.array(choice),
              },
              others: z.array(z.strictObject({ selector: z.string(), predicted: z.string(), reply })),
            }),
          )
          .max(5),
      }),
    ),
  }),
  data: z.strictObject({
    counts: z.record(z.string(), count),
    truncated: z.strictObject({ train: count, test: count }).nullable(),
    classes: z.array(z.strictObject({ label: z.string(), pool: count, queries: count })),
    sizes: z.array(z.strictObject({ from: count, to: count, labels: count })),
    repeated: z.array(z.strictObject({ text: z.string(), rows: count })),
    conflicts: z.array(z.strictObject({ text: z.string(), labels: z.array(z.string()) })),
    leaks: z.array(z.strictObject({ text: z.string(), label: z.string(), poolLabels: z.array(z.string()) })),
    unknown: z.array(z.strictObject({ label: z.string(), queries: count })),
  }),
  method: z.strictObject({
    ...{
      data: z.string().nullable(),
      rows: rows.nullable(),
      encoder: z.object({ id: z.string() }).nullable(),
      spec: z.looseObject({}).nullable(),
    },
    ...{ dims: count.nullable(), fingerprint: z.string(), command: z.string().nullable(), date: z.string().nullable() },
    versions: z.strictObject({ 'fungi-icl': z.string(), node: z.string(), 'onnxruntime-node': z.string().optional() }),
  }),
});

it('is JSON of fixed names', async () => {
  const full = await modelOf({ ...SMALL, curve: CURVE, map: { ...MAP, queries: MAP.pool } });
  expect(schema.parse(JSON.parse(JSON.stringify(full)))).toEqual(JSON.parse(JSON.stringify(full)));
  const asked = reportModel(askedInput(await reportInput(SMALL), say, { prices: { input: 1, output: 2 } }));
  expect(schema.parse(JSON.parse(JSON.stringify(asked))).llm!.summary).toHaveLength(3);
  const bare = await modelOf({ ...SMALL, choosers: { mine: () => [0] } });
  const read = {
    train: 'a.csv',
    test: null,
    split: { share: 0.2, seed: 0, moved: 1 },
    limitTrain: 12,
    limitTest: null,
  };
  const placed = SMALL.queries.map((query, row) => ({ ...query, where: `a.csv:${row + 2}` }));
  const settings = { rows: read, versions: { 'onnxruntime-node': '1.30.0' } };
  const whole = await modelOf({ ...SMALL, queries: placed, settings });
  expect(schema.parse(JSON.parse(JSON.stringify(whole))).method.rows).toEqual(read);
  schema.parse(JSON.parse(JSON.stringify(bare)));
});
