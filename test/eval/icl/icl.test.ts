/** Selectors with known choices, an endpoint that answers by rule: what must come out is known. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Progress } from '../../../src/core/progress.js';
import { compareReport } from '../../../src/eval/compare/compare-report.js';
import { callsOf } from '../../../src/eval/icl/prompt-plan.js';
import { wilson } from '../../../src/core/wilson.js';
import { mcnemar } from '../../../src/eval/measures/significance.js';
import { PromptTemplate } from '../../../src/prompt/template.js';
import type { Script } from '../../../src/testing/scripted-llm.js';
import { exampleLabels, Lab, obey, otherRows, ownRows, POOL, queriesOf, queryOf, runOf, textOf } from './support.js';

let lab: Lab;
const open = async (script: Script): Promise<Lab> => (lab = await Lab.open(script));
afterEach(() => lab.close());

const rule: Script = (request) => ({ reply: obey(request) });
const queries = queriesOf(12);
/** Right on every query; right on the even ones; without examples. */
const good = runOf('good', queries, ownRows);
const half = runOf('half', queries, (query) => (query % 2 === 0 ? ownRows(query) : otherRows(query)));
const none = runOf('none', queries, () => []);

describe('progress', () => {
  it('counts the requests to the LLM, each prompt once', async () => {
    await open(rule);
    const told: string[] = [];
    const onProgress = ({ stage, done, total, unit }: Progress): void => {
      if (stage === 'ask the LLM') told.push(`${done}/${total} ${unit}`);
    };
    const { replies } = await lab.run({ queries, runs: [half, good, none], onProgress });
    expect(replies.stopped).toBeUndefined();
    // 36 prompts, of which those of half and good are one for every other query.
    expect(told).toEqual(Array.from({ length: 31 }, (_, done) => `${done}/30 requests`));
  });
});

describe('scores', () => {
  it('are those that the rule implies', async () => {
    await open(rule);
    const report = (await lab.run({ queries, runs: [half, good, none] })).report();
    expect(report).toMatchObject({ baseline: 'half', seeds: 1, queries: 12, unasked: 0, leaked: 0, requests: 30 });
    const [ofHalf, ofGood, ofNone] = report.summary;
    expect(ofHalf).toMatchObject({ accuracy: 0.5, ...wilson(6, 12), voteAccuracy: 0.5, replies: 12, offList: 0 });
    expect(ofGood).toMatchObject({ accuracy: 1, macroF1: 1, meanPerClass: 1, voteAccuracy: 1, examples: 3 });
    // Of the first label only: recall 1, precision ⅓, F1 ½ there, and 0 for the other two.
    expect(ofNone).toMatchObject({ accuracy: 4 / 12, voteAccuracy: null, examples: 0, failed: 0 });
    expect(ofNone!.meanPerClass).toBeCloseTo(1 / 3, 12);
    expect(ofNone!.macroF1).toBeCloseTo(1 / 6, 12);
    const p = mcnemar({ onlyA: 0, onlyB: 6 }, { midP: true }).p;
    // none is right on 0, 3, 6, 9, half on 0, 2, 4 …: 3 and 9 against 2, 4, 8, 10.
    const q = mcnemar({ onlyA: 4, onlyB: 2 }, { midP: true }).p;
    expect(ofGood!.gain).toMatchObject({ difference: 0.5, queries: 12, p, adjusted: 2 * p });
    expect(ofNone!.gain).toMatchObject({ difference: -2 / 12, p: q, adjusted: q });
    expect(ofHalf!.gain).toBeUndefined();
    expect(JSON.parse(JSON.stringify(report))).toEqual(report);
  });

  it('hold the best features against bm25, on the queries that got a reply of both', async () => {
    const [kl, bm25] = [
      { ...half, selector: 'kl' },
      { ...none, selector: 'bm25' },
    ];
    const embedding = { ...good, selector: 'embedding' };
    await open((request) =>
      exampleLabels(request).length === 0 && ['query 0', 'query 1'].includes(queryOf(request))
        ? { status: 400, message: 'no' }
        : { reply: obey(request) },
    );
    const report = (await lab.run({ queries, runs: [kl, bm25, embedding] })).report();
    // Without examples the first label is answered: right on 3, 6 and 9 of ten.
    const p = mcnemar({ onlyA: 0, onlyB: 7 }, { midP: true }).p;
    expect(report.overBm25).toMatchObject({ selector: 'embedding', difference: 0.7, p: 2 * p });
    expect(report.majority).toEqual({ label: 'ant', share: 4 / 12 });
    expect((await lab.run({ queries, runs: [kl, embedding] })).report().overBm25).toBeNull();
    const based = (await lab.run({ queries, runs: [bm25, embedding] })).report();
    expect(based.overBm25).toMatchObject({ p: based.summary[1]!.gain!.adjusted });
  });

  it('are those of the vote where the LLM answers what the examples vote, under several seeds too', async () => {
    await open(rule);
    const seeds = [0, 1].flatMap((seed) => [
      runOf('half', queries, (query) => (query % 2 === seed ? ownRows(query) : otherRows(query)), seed),
      runOf('good', queries, (query) => (query === 5 * seed ? otherRows(query) : ownRows(query)), seed),
    ]);
    const leaked = queries.map((_, i) => i < 5);
    const { summary } = (await lab.run({ queries, runs: seeds, leaked })).report();
    const vote = compareReport({ runs: seeds, leaked }, { pool: POOL, queries, k: 3, baseline: 'half' });
    vote.summary.forEach(({ accuracy, low, high, macroF1, meanPerClass, accuracyUnleaked, gain }, i) => {
      expect(summary[i]).toMatchObject({ accuracy, low, high, macroF1, meanPerClass, accuracyUnleaked });
      expect(summary[i]!.gain).toEqual(gain && { ...gain, queries: 12 });
    });
  });

  it('count a reply off the list or cut off as wrong, and a call that failed not at all, for both of a pair', async () => {
    await open((request) => {
      const [query, own] = [queryOf(request), exampleLabels(request)];
      if (query === 'query 1' && own[0] === 'cow') return { status: 400, message: 'content policy' };
      if (query === 'query 2') return { reply: 'a fine beast' };
      if (query === 'query 4') return { reply: obey(request), finishReason: 'length' };
      return rule(request, 0);
    });
    const { report } = await lab.run({ queries, runs: [half, good] });
    const [ofHalf, ofGood] = report().summary;
    // half was wrong on query 1 and got no reply now; of its six right ones, 2 and 4 are lost.
    expect(ofHalf).toMatchObject({ accuracy: 4 / 11, replies: 11, offList: 2, cutOff: 1, failed: 1 });
    expect(ofHalf!.offListReplies).toEqual([
      { reply: 'a fine beast', count: 1 },
      { reply: 'bee', count: 1 },
    ]);
    expect(ofHalf).toMatchObject({ failures: { LLM_FAILED: 1 }, voteAccuracy: 0.5, ...wilson(4, 11) });
    expect(ofGood).toMatchObject({ accuracy: 10 / 12, replies: 12, offList: 2, failed: 0, failures: {} });
    // Without query 1, good wins 3, 5, 7, 9, 11.
    expect(ofGood!.gain).toMatchObject({ queries: 11, difference: 5 / 11 });
    expect(ofGood!.gain!.p).toBe(mcnemar({ onlyA: 0, onlyB: 5 }, { midP: true }).p);
  });

  it('of a selector that never got a reply are null, and it has no gain', async () => {
    await open((request) =>
      exampleLabels(request).length > 0 ? { status: 400, message: 'too long' } : rule(request, 0),
    );
    const few = queriesOf(4);
    const { report } = await lab.run({
      queries: few,
      runs: [runOf('none', few, () => []), runOf('good', few, ownRows)],
    });
    const [, ofGood] = report().summary;
    expect(ofGood).toMatchObject({ accuracy: null, low: null, macroF1: null, accuracyUnleaked: null, failed: 4 });
    expect(ofGood).toMatchObject({ latencyMs: null, promptTokens: null, voteAccuracy: 1 });
    expect(ofGood!.gain).toBeUndefined();
  });

  it('leave out a query that does not fit the budget of the template, without a call', async () => {
    await open(() => ({ reply: 'ant' }));
    const template = PromptTemplate.parse(
      '---\nmode: text\nfence: false\nbudget: { characters: 40 }\n---\n{{ query }}\n',
      't',
    );
    const odd = [...queriesOf(3), { input: 'query '.repeat(10), label: 'ant' }];
    const { report } = await lab.run({ queries: odd, runs: [runOf('good', odd, ownRows)], template });
    expect(report()).toMatchObject({ queries: 4, unasked: 0, requests: 3 });
    expect(report().summary[0]).toMatchObject({
      failed: 1,
      failures: { INVALID_ARGUMENT: 1 },
      replies: 3,
      accuracy: 1 / 3,
    });
  });
});

describe('calls', () => {
  it('are made once for equal prompts, and never again', async () => {
    await open(rule);
    const first = await lab.run({ queries, runs: [half, good] });
    // On even queries both ask the same.
    expect(callsOf(first.plan)).toHaveLength(18);
    expect(lab.llm.requests).toHaveLength(18);
    expect(first.report().summary.map(({ calls, cached }) => [calls, cached])).toEqual([[12, 0], [6, 6]]); // prettier-ignore
    const second = await lab.run({ queries, runs: [half, good] });
    expect(callsOf(second.plan)).toEqual([]);
    expect(lab.llm.requests).toHaveLength(18);
    const [a, b] = [first, second].map(({ report }) => report());
    expect(b!.summary.map(({ calls, cached }) => [calls, cached])).toEqual([[0, 12], [0, 12]]); // prettier-ignore
    const scores = ({ summary }: typeof a & object): object[] =>
      summary.map((each) => ({ ...each, calls: 0, cached: 0 }));
    // The latency of the calls is kept with the replies.
    expect(scores(b!)).toEqual(scores(a!));
    expect(b).toMatchObject({ requests: 0, usage: { run: { replies: 0 }, all: { replies: 18 } } });
  });

  it('go query by query, every selector before the next query', async () => {
    await open(rule);
    await lab.run({ queries, runs: [half, none], concurrency: 1 });
    expect(lab.llm.requests.map(queryOf)).toEqual(queries.flatMap(({ input }) => [input, input]));
  });

  it('that fail for a passing reason are made again, and counted as requests', async () => {
    const tries = new Map<string, number>();
    await open((request) => {
      const text = textOf(request);
      tries.set(text, (tries.get(text) ?? 0) + 1);
      return queryOf(request) === 'query 3' && tries.get(text) === 1 ? { status: 500 } : rule(request, 0);
    });
    const { report } = await lab.run({ queries, runs: [good] });
    expect(report()).toMatchObject({ requests: 13, lost: 0, summary: [{ accuracy: 1, failed: 0, calls: 12 }] });
  });
});

describe('tokens and cost', () => {
  it('are those that the endpoint tells, at the prices given', async () => {
    await open((request) => ({
      reply: obey(request),
      usage: exampleLabels(request).length > 0 ? { promptTokens: 1000, completionTokens: 20 } : { promptTokens: 100, completionTokens: 10 }, // prettier-ignore
    }));
    const prices = { input: 2, output: 30 };
    const { report } = await lab.run({ queries, runs: [none, half, good], prices });
    const { summary, usage } = report();
    const withExamples = (1000 * 2 + 20 * 30) / 1e6;
    const without = (100 * 2 + 10 * 30) / 1e6;
    expect(summary.map(({ costPerQuery }) => costPerQuery)).toEqual([without, withExamples, withExamples].map((cost) => expect.closeTo(cost, 12) as number)); // prettier-ignore
    expect(summary[1]).toMatchObject({ promptTokens: 1000, completionTokens: 20, estimated: 0 });
    // Twelve without; twelve of half, and six of good that half did not ask.
    const run = { replies: 30, promptTokens: 12 * 100 + 18 * 1000, completionTokens: 12 * 10 + 18 * 20, estimated: 0 };
    expect(usage.run).toEqual({ ...run, cost: expect.closeTo(12 * without + 18 * withExamples, 12) as number });
    expect(usage.all).toEqual(usage.run);
  });

  it('are estimated where it tells none, and called so', async () => {
    const completion = { choices: [{ message: { role: 'assistant', content: 'ant' }, finish_reason: 'stop' }] };
    await open(() => ({ status: 200, body: JSON.stringify(completion) }));
    const { plan, report } = await lab.run({ queries, runs: [good], prices: { input: 1, output: 1 } });
    const { summary, usage } = report();
    const tokens = plan.prompts.reduce((sum, { size }) => sum + size.tokens, 0);
    expect(summary[0]).toMatchObject({ estimated: 12, promptTokens: tokens / 12, completionTokens: 1 });
    expect(usage.run).toMatchObject({ estimated: 12, promptTokens: tokens, completionTokens: 12 });
    expect(usage.run.cost).toBeCloseTo((tokens + 12) / 1e6, 12);
  });
});

describe('a cap', () => {
  it.each([1, 2, 3])('on calls is never exceeded with %i under way, and leaves whole queries', async (concurrency) => {
    await open(rule);
    const runs = [runOf('bad', queries, otherRows), good, none];
    const capped = await lab.run({ queries, runs, maxCalls: 10, concurrency });
    expect(lab.llm.requests).toHaveLength(10);
    expect(capped.replies.stopped).toMatchObject({ code: 'BUDGET_REACHED', message: 'the cap of 10 calls is reached' });
    expect(capped.report()).toMatchObject({ queries: 3, unasked: 9, requests: 10 });
    expect(capped.report().summary[1]).toMatchObject({ accuracy: 1, replies: 3, gain: { difference: 1, queries: 3 } });
    // The next run pays for what is missing, and no more.
    const whole = await lab.run({ queries, runs, maxCalls: 26, concurrency });
    expect(whole.replies.stopped).toBeUndefined();
    expect(whole.report()).toMatchObject({ queries: 12, unasked: 0, requests: 26 });
    expect(new Set(lab.llm.requests.map(textOf)).size).toBe(36);
  });

  it('on the cost stops before it could be exceeded, and is used up to one call', async () => {
    await open((request) => ({ reply: obey(request), usage: { promptTokens: 100, completionTokens: 5 } }));
    const prices = { input: 1, output: 4 };
    const maxCost = 2000e-6;
    const { plan, report, replies } = await lab.run({ queries: queriesOf(60), runs: [runOf('good', queriesOf(60), ownRows)], prices, maxCost, concurrency: 4 }); // prettier-ignore
    const { cost } = report().usage.run;
    expect(replies.stopped?.message).toContain('the cap of 0.002 on the cost is reached: 0.0');
    const most = Math.max(...plan.prompts.map(({ mostTokens }) => mostTokens + 4 * 16)) / 1e6;
    expect(cost).toBeLessThanOrEqual(maxCost);
    expect(cost).toBeGreaterThan(maxCost - most - 120e-6);
    expect(report().queries).toBe(lab.llm.requests.length);
  });

  it('too low for one call asks nothing', async () => {
    await open(rule);
    const { report } = await lab.run({ queries, runs: [good], prices: { input: 1, output: 1 }, maxCost: 1e-6 });
    expect(report).toThrow('the cap of 0.000001 on the cost is reached: 0 are used');
    expect(lab.llm.requests).toEqual([]);
  });
});

describe('an endpoint of no use', () => {
  it.each([
    ['refuses the key', { status: 401, message: 'no such key' }, 1],
    ['refuses everything', { status: 400, message: 'unknown parameter' }, 10],
    ['has no quota', { status: 429, body: '{"error":{"code":"insufficient_quota","message":"no quota"}}' }, 10],
  ] as const)('that %s ends the run', async (_, step, calls) => {
    await open(() => step);
    const { replies, report } = await lab.run({ queries, runs: [half, good], concurrency: 1 });
    expect(lab.llm.requests).toHaveLength(calls);
    expect(replies.stopped?.code).toBe('LLM_FAILED');
    expect(report).toThrow(replies.stopped!.message);
  });

  it('that dies on the way leaves the queries that were asked, and the next run goes on', async () => {
    let dead = false;
    await open((request, index) => {
      if (index === 8) dead = true;
      return dead ? { reset: 'before-answer' } : { reply: obey(request) };
    });
    const runs = [runOf('bad', queries, otherRows), good];
    const { replies, report } = await lab.run({ queries, runs, concurrency: 1, attempts: 1 });
    expect(replies.stopped).toMatchObject({ code: 'LLM_UNREACHABLE' });
    // Four queries have both replies; then five failures open the breaker, in the seventh.
    expect(report()).toMatchObject({ queries: 6, unasked: 6, requests: 13, lost: 5 });
    expect(report().summary.map(({ replies: got, failed }) => [got, failed])).toEqual([[4, 2], [4, 2]]); // prettier-ignore
    dead = false;
    const again = await lab.run({ queries, runs });
    expect(again.report()).toMatchObject({ queries: 12, requests: 16, summary: [{ accuracy: 0 }, { accuracy: 1 }] });
  });

  it('that refuses one text in two goes on', async () => {
    await open((request) => (Number(queryOf(request).slice(6)) % 2 ? { status: 400 } : rule(request, 0)));
    const { replies, report } = await lab.run({
      queries: queriesOf(40),
      runs: [runOf('good', queriesOf(40), ownRows)],
    });
    expect(replies.stopped).toBeUndefined();
    expect(report().summary[0]).toMatchObject({ failed: 20, replies: 20, accuracy: 1 });
  });
});
