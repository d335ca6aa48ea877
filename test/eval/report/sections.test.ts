/** Which parts a report has, what stands in them, and the shape of report.json. */
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { CurvePoint } from '../../../src/eval/compare/curve.js';
import { reportModel, type ReportModel } from '../../../src/eval/report/model.js';
import { reportMarkdown } from '../../../src/eval/report/page/report-markdown.js';
import { reportPage } from '../../../src/eval/report/page/report-page.js';
import { renderSections } from '../../../src/eval/report/sections/sections.js';
import { reportInput, rowsOf, SMALL, type Small } from './support.js';

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

  it('give the command, fenced and as typed', async () => {
    const command = "fungi eval compare --selector 'mine=python3 `x`.py'";
    const model = await modelOf({ ...SMALL, settings: { command } });
    expect(reportMarkdown(model)).toContain(`\`\`\`sh\n${command}\n\`\`\``);
    expect(model.method.command).toBe(command);
  });
});

const share = z.number().min(0).max(1);
const count = z.int().nonnegative();
const interval = { low: z.number(), high: z.number() };
const advised = z.strictObject({ advised: z.string(), significant: z.boolean(), focus: z.string().nullable() });
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
const choice = z.strictObject({
  ...{ selector: z.string(), predicted: z.string(), chosen: count, votes: count, ownLabel: count },
  examples: z.array(z.strictObject({ row: count, text: z.string(), label: z.string() })).max(5),
});
/** What programs rely on: a name that changes here is a new format. */
const schema = z.strictObject({
  format: z.literal('fungi-report/1'),
  ...{ title: z.string(), verdict: z.string(), advice: advised, baseline: z.string(), k: count, leaked: count },
  nextSteps: z.array(z.strictObject({ text: z.string(), command: z.string().nullable() })),
  seeds: z.array(count),
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
              ...{ query: count, text: z.string(), label: z.string(), choices: z.array(choice) },
              others: z.array(z.strictObject({ selector: z.string(), predicted: z.string() })),
            }),
          )
          .max(5),
      }),
    ),
  }),
  data: z.strictObject({
    counts: z.record(z.string(), count),
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
      encoder: z.object({ id: z.string() }).nullable(),
      spec: z.looseObject({}).nullable(),
    },
    ...{ dims: count.nullable(), fingerprint: z.string(), command: z.string().nullable(), date: z.string().nullable() },
    versions: z.strictObject({ 'fungi-icl': z.string(), node: z.string() }),
  }),
});

it('is JSON of fixed names', async () => {
  const full = await modelOf({ ...SMALL, curve: CURVE, map: { ...MAP, queries: MAP.pool } });
  expect(schema.parse(JSON.parse(JSON.stringify(full)))).toEqual(JSON.parse(JSON.stringify(full)));
  const bare = await modelOf({ ...SMALL, choosers: { mine: () => [0] } });
  schema.parse(JSON.parse(JSON.stringify(bare)));
});
