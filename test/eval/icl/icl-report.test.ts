/** The report against a plain count, for any mixture of what an endpoint may do. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { Replies, Reply } from '../../../src/eval/icl/ask.js';
import { iclReport } from '../../../src/eval/icl/icl-report.js';
import type { PromptPlan } from '../../../src/eval/icl/prompt-plan.js';
import { discordantPairs, mcnemar } from '../../../src/eval/measures/significance.js';
import { LABELS, otherRows, queriesOf, runOf } from './support.js';

type Fate = 'right' | 'wrong' | 'off' | 'cut' | 'failed' | 'unasked' | 'unmade';
const FATES: readonly Fate[] = [
  'right',
  'right',
  'right',
  'wrong',
  'wrong',
  'off',
  'cut',
  'failed',
  'unasked',
  'unmade',
];
const SELECTORS = ['a', 'b', 'c'];

const replyOf = (fate: Fate, label: string, place: number): Reply | undefined => {
  if (fate === 'unasked' || fate === 'unmade') return undefined;
  if (fate === 'failed') return { kind: 'failed', error: new FungiError('LLM_UNREACHABLE', 'gone') };
  const wrong = LABELS.find((each) => each !== label)!;
  const text = fate === 'off' ? 'a goat' : fate === 'wrong' ? wrong : label;
  const usage = place % 3 === 0 ? undefined : { promptTokens: place, completionTokens: 1 };
  const completion = {
    text,
    finishReason: fate === 'cut' ? 'length' : 'stop',
    usage,
    cached: false,
    attempts: 1,
    latencyMs: place,
  };
  return { kind: 'reply', completion, now: place % 2 === 0 };
};

it('counts what a plain loop counts', () => {
  const fates = fc
    .integer({ min: 1, max: 12 })
    .chain((n) =>
      fc.array(fc.array(fc.constantFrom(...FATES), { minLength: n, maxLength: n }), { minLength: 3, maxLength: 3 }),
    );
  fc.assert(
    fc.property(fates, (table) => {
      const n = table[0]!.length;
      const queries = queriesOf(n);
      const runs = SELECTORS.map((name) => runOf(name, queries, otherRows));
      const places = table.map((row, run) =>
        row.map((fate, query) => fate === 'unmade' ? new FungiError('INVALID_ARGUMENT', 'too long') : { prompt: run * n + query, examples: 3 }),
      ); // prettier-ignore
      const prompts = table.flatMap((row, run) =>
        row.map((_, query) => ({ key: `${run} ${query}`, run, query, size: { tokens: 7, characters: 28 }, mediaTokens: 0, mostTokens: 50, kept: undefined })),
      ); // prettier-ignore
      const plan: PromptPlan = { prompts, places };
      const of = table.flatMap((row, run) =>
        row.map((fate, query) => replyOf(fate, queries[query]!.label, run * n + query)),
      );
      const replies: Replies = { of };
      const report = () =>
        iclReport({ comparison: { runs, leaked: queries.map(() => false) }, queries, labels: LABELS, plan, replies, k: 3, baseline: 'a', sent: { requests: 0, lost: 0 } }); // prettier-ignore
      if (!of.some((reply) => reply?.kind === 'reply')) {
        fc.pre(of.some((reply) => reply !== undefined) || table.flat().includes('unmade'));
        expect(report).toThrow(/gone|too long/);
        return;
      }
      const { summary, queries: asked, unasked, usage } = report();
      const whole = queries.map((_, i) => i).filter((i) => table.every((row) => row[i] !== 'unasked'));
      expect([asked, unasked]).toEqual([whole.length, n - whole.length]);
      const isReply = (fate: Fate): boolean => !['failed', 'unasked', 'unmade'].includes(fate);
      table.forEach((row, s) => {
        const own = whole.map((i) => row[i]!);
        const count = (...kinds: readonly Fate[]): number => own.filter((fate) => kinds.includes(fate)).length;
        const replied = own.filter(isReply).length;
        expect(summary[s]).toMatchObject({
          ...{ selector: SELECTORS[s], replies: replied, offList: count('off', 'cut'), cutOff: count('cut') },
          ...{ failed: count('failed', 'unmade'), accuracy: replied === 0 ? null : count('right') / replied },
          voteAccuracy: whole.length === 0 ? null : 0,
        });
        const common = whole.filter((i) => isReply(row[i]!) && isReply(table[0]![i]!));
        if (s === 0 || common.length === 0) {
          expect(summary[s]!.gain).toBeUndefined();
          return;
        }
        const [a, b] = [table[0]!, row].map((each) => common.map((i) => each[i] === 'right')) as [boolean[], boolean[]];
        const right = (values: readonly boolean[]): number => values.filter(Boolean).length;
        expect(summary[s]!.gain).toMatchObject({
          queries: common.length,
          p: mcnemar(discordantPairs(a, b), { midP: true }).p,
        });
        expect(summary[s]!.gain!.difference).toBeCloseTo((right(b) - right(a)) / common.length, 12);
      });
      const made = of.flatMap((reply, place) => (reply?.kind === 'reply' ? [{ place, now: reply.now }] : []));
      expect(usage.all.replies).toBe(made.length);
      expect(usage.run.replies).toBe(made.filter(({ now }) => now).length);
      const tokens = made.reduce((sum, { place }) => sum + (place % 3 === 0 ? 7 : place), 0);
      expect(usage.all).toMatchObject({ promptTokens: tokens, estimated: made.filter(({ place }) => place % 3 === 0).length, cost: null }); // prettier-ignore
    }),
    { numRuns: 60 },
  );
});
