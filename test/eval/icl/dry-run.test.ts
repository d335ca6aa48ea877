/** What is counted before anybody is asked. */
import { afterEach, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { dryRun } from '../../../src/eval/icl/dry-run.js';
import type { PlannedPrompt, PromptPlan } from '../../../src/eval/icl/prompt-plan.js';
import { Lab, obey, otherRows, ownRows, queriesOf, runOf } from './support.js';

let lab: Lab | undefined;
afterEach(() => lab?.close());

const kept = { text: 'ant', finishReason: 'stop', cached: true, attempts: 0 };
const prompt = (query: number, tokens: number, more: Partial<PlannedPrompt> = {}): PlannedPrompt => ({
  ...{
    key: String(query),
    run: 0,
    query,
    size: { tokens, characters: 4 * tokens },
    ...{ mediaTokens: 0, mostTokens: 5 * tokens },
    kept: undefined,
  },
  ...more,
});
const plan: PromptPlan = {
  prompts: [prompt(0, 100), prompt(1, 60), prompt(2, 999, { kept })],
  places: [[{ prompt: 0, examples: 1 }, { prompt: 1, examples: 1 }, { prompt: 2, examples: 1 }], [{ prompt: 0, examples: 1 }, { prompt: 2, examples: 1 }, new FungiError('INVALID_ARGUMENT', 'too long')]], // prettier-ignore
};

it('counts calls, tokens and cost by hand', () => {
  const prices = { input: 1000, output: 10_000 };
  // A label of 4 and one of 12 characters, each with an end: 2 and 4 tokens, 3 on average.
  const found = dryRun(plan, { labels: ['abcd', 'abcdefghijkl'], prices, maxTokens: 8 });
  expect(found).toMatchObject({ prompts: 5, distinct: 3, unmade: 1, kept: 1, calls: 2 });
  expect(found.promptTokens).toEqual({ estimate: 160, low: 120, high: 240 });
  expect(found.completionTokens).toEqual({ estimate: 6, low: 4, high: 9 });
  expect(found.cost).toEqual({
    estimate: expect.closeTo(0.16 + 0.06, 12) as number,
    low: expect.closeTo(0.12 + 0.04, 12) as number,
    high: expect.closeTo(0.24 + 0.09, 12) as number,
  });
  expect(found.mostCost).toBeCloseTo((800 * 1000 + 16 * 10_000) / 1e6, 12);
});

it('knows no cost without prices, and no end to it without a limit', () => {
  expect(dryRun(plan, { labels: ['a'] })).toMatchObject({ cost: null, mostCost: null });
  expect(dryRun(plan, { labels: ['a'], prices: { input: 1, output: 1 } }).mostCost).toBeNull();
});

it('counts the calls that a run then makes', async () => {
  lab = await Lab.open((request) => ({ reply: obey(request) }));
  const queries = queriesOf(10);
  const half = runOf('half', queries, (query) => (query < 4 ? ownRows(query) : otherRows(query)));
  const runs = [runOf('good', queries, ownRows), half];
  await lab.run({ queries, runs, maxCalls: 3 });
  const before = lab.llm.requests.length;
  const { plan: second } = await lab.run({ queries, runs });
  expect(dryRun(second, { labels: ['a'] }).calls).toBe(lab.llm.requests.length - before);
  expect(before + dryRun(second, { labels: ['a'] }).calls).toBe(16);
});
