/** Budgets by what the template really makes of the examples and a tokenizer really counts. */
import fc from 'fast-check';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { TextTokenizer } from '../../src/encoders/tokenizer.js';
import { approximateTokens, isWithin, measurePrompt, pack, type TokenCounter } from '../../src/prompt/budget.js';
import { loadTemplate } from '../../src/prompt/load.js';
import type { PromptExample, PromptTemplate, PromptValues } from '../../src/prompt/template.js';

const FIXTURE = join(import.meta.dirname, '../golden/fixtures/tokenizer/byte-bpe');

/** A text is counted once: prompts of a case share most messages. */
function memoised(count: TokenCounter): TokenCounter {
  const known = new Map<string, number>();
  return (text) => {
    const tokens = known.get(text) ?? count(text);
    known.set(text, tokens);
    return tokens;
  };
}

const tokenizer = await TextTokenizer.load(FIXTURE);
const byteBpe: TokenCounter = (text) => tokenizer.encode([text], { maxTokens: 1_000_000 })[0]!.length;
const COUNTERS: readonly (readonly [string, TokenCounter])[] = [
  ['the estimate', approximateTokens],
  ['byte-pair tokens', memoised(byteBpe)],
];

const TEMPLATES: readonly PromptTemplate[] = await Promise.all(
  ['turns', 'classify-chat', 'classify'].map(loadTemplate),
);

const words = fc.array(fc.constantFrom('a', 'card', 'überweisung', 'lost', '日本'), { minLength: 1, maxLength: 9 });
const cases = fc.integer({ min: 1, max: 6 }).chain((count) =>
  fc.record({
    examples: fc.tuple(
      ...Array.from({ length: count }, (_, i) =>
        words.map((list) => ({ input: list.join(' '), label: i % 2 ? 'x' : 'y' })),
      ),
    ),
    priority: fc.shuffledSubarray(
      Array.from({ length: count }, (_, i) => i),
      { minLength: count },
    ),
    packing: fc.constantFrom('drop-farthest' as const, 'skip-long' as const),
    room: fc.integer({ min: 0, max: 60 }),
    template: fc.constantFrom(...TEMPLATES),
  }),
);

describe.each(COUNTERS)('a budget in %s', (name, countTokens) => {
  const render = (template: PromptTemplate, more: Partial<PromptValues>) =>
    template.render({ query: 'my card', labels: ['x', 'y'], examples: [], budget: {}, countTokens, ...more });

  it('is never exceeded over 10,000 cases; the most wanted goes only if it does not fit alone', () => {
    fc.assert(
      fc.property(cases, ({ examples: given, priority, packing, room, template }) => {
        const examples: readonly PromptExample[] = given;
        const budget = { tokens: render(template, {}).size.tokens + room };
        const { messages, used, dropped, size } = render(template, { examples, priority, packing, budget });
        expect(isWithin(measurePrompt(messages, countTokens), budget)).toBe(true);
        expect(size).toEqual(measurePrompt(messages, countTokens));
        const places = [...used, ...dropped.map(({ example }) => example)].map((example) => examples.indexOf(example));
        expect(places.toSorted()).toEqual(examples.map((_, i) => i));
        const best = examples[priority[0]!]!;
        if (!used.includes(best)) {
          expect(isWithin(render(template, { examples: [best] }).size, budget)).toBe(false);
        }
        // Nothing that was skipped would still fit beside the rest.
        if (packing === 'skip-long' && dropped.length === 1) {
          const all = examples.filter((example) => used.includes(example) || dropped[0]!.example === example);
          expect(isWithin(render(template, { examples: all }).size, budget)).toBe(false);
        }
      }),
      { numRuns: 10_000, seed: name.length },
    );
  }, 120_000);
});

describe('packing', () => {
  const lengths = [3, 9, 2, 1];
  const fits = (places: readonly number[]): boolean => places.reduce((sum, place) => sum + lengths[place]!, 0) <= 6;

  it('drops from the end, or skips what is long and takes short ones behind it', () => {
    expect(pack([0, 1, 2, 3], 9, 'drop-farthest', fits)).toEqual({ taken: [0], tooLong: new Set([1, 2, 3]) });
    expect(pack([0, 1, 2, 3], 9, 'skip-long', fits)).toEqual({ taken: [0, 2, 3], tooLong: new Set([1]) });
    expect(pack([1, 0, 2, 3], 9, 'skip-long', fits)?.taken).toEqual([0, 2, 3]);
    expect(pack([0, 1, 2, 3], 2, 'skip-long', fits)).toEqual({ taken: [0, 2], tooLong: new Set([1]) });
    expect(pack([0], 9, 'skip-long', () => false)).toBeUndefined();
  });

  it('stands in the order that is asked for, and names what was left out and why', () => {
    const template = TEMPLATES[0]!;
    const examples = ['one', 'two', 'three'].map((input) => ({ input, label: 'x' }));
    const rendered = template.render({
      ...{ query: 'q', labels: ['x'], examples, priority: [2, 0, 1] },
      arrange: (used) => used.toSorted((a, b) => (a.input < b.input ? -1 : 1)),
      budget: { characters: 'onex'.length + 'threex'.length + 1 },
    });
    expect(rendered.messages.map(({ content }) => content)).toEqual(['one', 'x', 'three', 'x', 'q']);
    expect(rendered.used.map(({ input }) => input)).toEqual(['one', 'three']);
    expect(rendered.dropped).toEqual([{ example: examples[1], reason: 'budget' }]);
  });
});
