import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { costOf, Spending, type Prices } from '../../../src/eval/icl/spending.js';
import { mostPromptTokens } from '../../../src/eval/icl/tokens.js';
import type { CompletionRequest, TokenUsage } from '../../../src/llm/client.js';
import type { RequestOutcome } from '../../../src/llm/gate.js';

const request = (content: string, more: Partial<CompletionRequest> = {}): CompletionRequest => ({
  messages: [{ role: 'user', content }],
  ...more,
});
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

it('costs what a million tokens cost, in parts of a million', () => {
  expect(costOf({ promptTokens: 1_500_000, completionTokens: 250_000 }, { input: 0.15, output: 0.6 })).toBeCloseTo(
    0.375,
    12,
  );
  expect(costOf({ promptTokens: 1, completionTokens: 0 }, { input: 3, output: 15 })).toBeCloseTo(3e-6, 18);
});

it.each([
  [{ maxCost: 1 }, 'a cap on the cost needs prices'],
  [{ maxCost: 1, prices: { input: 1, output: 1 } }, 'a cap on the cost needs a limit to the length of a reply'],
])('refuses %j', (options, message) => {
  expect(() => new Spending(options)).toThrow(message);
});

describe('a cap on the cost', () => {
  const prices = { input: 1, output: 10 };
  const maxTokens = 20;
  const text = 'a'.repeat(736); // with what a chat format may add, 800 tokens at most
  const most = (800 + 20 * 10) / 1e6;
  const spend = (calls: number): Spending => new Spending({ prices, maxTokens, maxCost: most * calls });

  it('waits for the cost of those under way before it refuses', async () => {
    const spending = spend(2);
    const [a, b, c] = [request(text), request(text), request(text)];
    await spending.enter(a);
    await spending.enter(b);
    let entered = false;
    const third = spending.enter(c).then(() => (entered = true));
    await turn();
    expect(entered).toBe(false);
    spending.leave({ kind: 'reply', request: a, usage: { promptTokens: 200, completionTokens: 2 } });
    await turn();
    // Little was used, but with the most of b and c it would not fit yet.
    expect(entered).toBe(false);
    spending.leave({ kind: 'refused', request: b });
    await third;
    expect(spending.requests).toBe(3);
  });

  it.each([
    ['lost', 1],
    ['reply', 0], // without usage
  ] as const)('counts the most for a request that is %s and tells no cost', async (kind, lost) => {
    const spending = spend(1);
    const first = request(text);
    await spending.enter(first);
    const second = spending.enter(request(text));
    spending.leave({ kind, request: first });
    const error: unknown = await second.catch((reason: unknown) => reason);
    expect(FungiError.is(error, 'BUDGET_REACHED')).toBe(true);
    expect(error).toMatchObject({
      message: 'the cap of 0.001 on the cost is reached: 0.001 are used, and the next call may cost 0.001',
    });
    expect(spending.lost).toBe(lost);
  });

  it('lets go who waits and is aborted', async () => {
    const spending = spend(1);
    const first = request(text);
    const controller = new AbortController();
    await spending.enter(first);
    const waiting = spending.enter(request(text, { signal: controller.signal }));
    controller.abort();
    spending.leave({ kind: 'refused', request: first });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    expect(spending.requests).toBe(1);
  });
});

/** What an endpoint may do with a request; tokens in parts of the most. */
const fate = fc.record({
  kind: fc.constantFrom('reply' as const, 'reply' as const, 'refused' as const, 'lost' as const, 'untold' as const),
  prompt: fc.double({ min: 0, max: 1, noNaN: true }),
  reply: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 300 }),
});

it('never lets the cost or the number of requests above the caps, whatever the endpoint does', async () => {
  const price = fc.double({ min: 0, max: 10, noNaN: true });
  const asked = fc.record({
    prices: fc.record({ input: price, output: price }),
    maxCost: fc.double({ min: 0, max: 0.02, noNaN: true }),
    maxCalls: fc.integer({ min: 0, max: 40 }),
    fates: fc.array(fate, { minLength: 1, maxLength: 30 }),
    concurrency: fc.integer({ min: 1, max: 5 }),
  });
  const run = async (
    prices: Prices,
    caps: { maxCost: number; maxCalls: number },
    fates: readonly (typeof fate extends fc.Arbitrary<infer T> ? T : never)[],
    concurrency: number,
  ): Promise<void> => {
    const maxTokens = 16;
    const spending = new Spending({ ...caps, prices, maxTokens });
    // What the endpoint bills at the worst, and who could not be asked.
    let [billed, refused, sent] = [0, 0, 0];
    const queue = [...fates];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const one = request('x'.repeat(next.length), { maxTokens });
        try {
          await spending.enter(one);
        } catch (error) {
          expect(FungiError.is(error, 'BUDGET_REACHED')).toBe(true);
          refused++;
          continue;
        }
        sent++;
        await turn();
        const usage: TokenUsage = {
          promptTokens: Math.floor(next.prompt * mostPromptTokens(one.messages)),
          completionTokens: Math.floor(next.reply * maxTokens),
        };
        if (next.kind !== 'refused') billed += costOf(usage, prices);
        const outcome: RequestOutcome =
          next.kind === 'untold' ? { kind: 'reply', request: one } : { kind: next.kind, request: one, usage };
        spending.leave(outcome);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, worker));
    expect(billed).toBeLessThanOrEqual(caps.maxCost * (1 + 1e-9));
    expect(sent).toBeLessThanOrEqual(caps.maxCalls);
    expect(spending.requests).toBe(sent);
    expect(sent + refused).toBe(fates.length);
  };
  await fc.assert(
    fc.asyncProperty(asked, ({ prices, maxCost, maxCalls, fates, concurrency }) =>
      run(prices, { maxCost, maxCalls }, fates, concurrency),
    ),
    { numRuns: 150 },
  );
});
