import { describe, expect, it, vi } from 'vitest';
import type { BuildOptions } from '../../src/selector/options.js';
import { FungiSelector } from '../../src/selector/selector.js';
import type { LlmClient } from '../../src/llm/client.js';
import { inPlace, tinyExamples, type Place } from './support.js';

const build = (
  place: Place,
  more: readonly { id: string; input: string; label: string }[] = [],
  options: Partial<BuildOptions> = {},
) => FungiSelector.build({ ...place.options('bank'), examples: [...tinyExamples(60), ...more], ...options });

const ids = (examples: readonly { readonly id: string }[]): string[] => examples.map(({ id }) => id);

describe('a selection by a policy', () => {
  it('without rules, explained or not, is the plain selection to the last digit', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      for (const query of ['cat sat a', 'dog', 'the d c']) {
        const plain = await selector.select(query, { k: 7 });
        for (const options of [
          { policy: {} },
          { explain: true },
          { policy: { choice: { by: 'mmr', lambda: 1 } } },
        ] as const) {
          expect((await selector.select(query, { k: 7, ...options })).examples).toEqual(plain.examples);
        }
        expect(plain).not.toHaveProperty('explanation');
        expect(plain).not.toHaveProperty('inPrompt');
        const { explanation } = await selector.select(query, { k: 7, explain: true });
        expect(explanation!.chosen.map(({ id, distance }) => [id, distance])).toEqual(
          plain.examples.map(({ id, distance }) => [id, distance]),
        );
        expect(explanation!.dropped).toHaveLength(1);
      }
      await selector.close();
    }));

  it('is the same for a query alone and in a batch, and after changes and reopening', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const policy = { duplicates: true, hybrid: true, choice: { by: 'dpp' }, maxPerLabel: 4, minLabels: 2 } as const;
      const queries = ['cat a b', 'the dog sat'];
      await selector.select('cat', { k: 6, policy }); // makes the index of words, which changes then have to follow
      await selector.add([
        { id: 'r3', input: 'the cat sat b', label: 'cat' },
        { id: 'new', input: 'b dog sat', label: 'dog' },
      ]);
      await selector.remove(['r5', 'r7']);
      const batch = await selector.selectBatch(queries, { k: 6, policy });
      for (const [i, query] of queries.entries()) {
        expect(ids((await selector.select(query, { k: 6, policy })).examples)).toEqual(ids(batch[i]!.examples));
      }
      await selector.close();
      const opened = await FungiSelector.open(place.options('bank'));
      const after = await opened.selectBatch(queries, { k: 6, policy });
      expect(after.map(({ examples }) => ids(examples))).toEqual(batch.map(({ examples }) => ids(examples)));
      await opened.close();
    }));

  it('looks beyond the nearest for other labels, for room under a cap and behind duplicates', () =>
    inPlace(async (place) => {
      const copies = Array.from({ length: 30 }, (_, i) => ({
        id: `copy${i}`,
        input: `cat ${i % 2 ? 'A' : 'a'}`,
        label: 'cat',
      }));
      const far = [{ id: 'far', input: 'd d d d d d c', label: 'bird' }];
      const selector = await build(place, [...copies, ...far]);
      const look = async (policy: object) =>
        (await selector.select('cat a', { k: 5, policy: { candidates: 5, ...policy } })).examples;
      expect(new Set((await look({ minLabels: 3 })).map(({ label }) => label))).toEqual(
        new Set(['cat', 'dog', 'bird']),
      );
      const capped = await look({ maxPerLabel: 2 });
      expect(capped.map(({ label }) => label).toSorted()).toEqual(['bird', 'cat', 'cat', 'dog', 'dog']);
      const different = await look({ duplicates: true, exclude: { query: true } });
      expect(different).toHaveLength(5);
      expect(different.some(({ input }) => input.toLowerCase() === 'cat a')).toBe(false);
      const dogs = await selector.select('cat a', {
        k: 5,
        filter: { label: 'dog' },
        policy: { candidates: 5, minLabels: 3, hybrid: true },
      });
      expect(new Set(dogs.examples.map(({ label }) => label))).toEqual(new Set(['dog']));
      await selector.close();
    }));

  it('decides how the prompt stands, what it gives up and which labels it offers', () =>
    inPlace(async (place) => {
      const far = { id: 'far', input: 'd d d d d d c', label: 'bird' };
      // A budget counts on who is how near: one space for all that is asked.
      const selector = await build(place, [far], { reducer: { kind: 'pca' } });
      const text = async (policy: object, more: object = {}): Promise<readonly string[]> => {
        const { messages } = await selector.prompt('cat a b', { k: 6, policy, template: 'turns', ...more });
        return messages.map(({ content }) => content as string);
      };
      const nearest = (await selector.select('cat a b', { k: 6 })).examples;
      const users = (messages: readonly string[]): string[] => messages.slice(0, -1).filter((_, i) => i % 2 === 0);
      expect(users(await text({ order: 'nearest-first' }))).toEqual(nearest.map(({ input }) => input));
      expect(users(await text({}))).toEqual(nearest.map(({ input }) => input).toReversed());
      const stable = nearest.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      expect(users(await text({ order: 'stable' }))).toEqual(stable.map(({ input }) => input));

      // The rival is the farthest of all, and the last to be given up but for the best.
      const countTokens = (message: string): number => message.split(' ').length * 1000;
      const one = { tokens: 3000 + 1000 * nearest[0]!.input.split(' ').length + 1000 + 8000 + 20 };
      const few = await selector.prompt('cat a b', {
        ...{ k: 6, template: 'turns', budget: one, countTokens },
        policy: { minLabels: 3, packing: 'skip-long' },
      });
      expect(few.size.tokens).toBeLessThanOrEqual(one.tokens);
      expect(few.used[0]!.id).toBe(nearest[0]!.id);
      expect(few.used.map(({ label }) => label)).toContain('bird');

      const selection = await selector.select('cat a b', { k: 3, policy: { labelList: { alpha: 0.3 } } });
      expect(selection.posterior!.labels[0]!.label).toBe('cat');
      const { messages } = await selector.promptFrom(selection, {
        template: 'classify',
        labels: ['bird', 'dog', 'cat'],
      });
      const shown = new Set(selection.examples.map(({ label }) => label));
      expect(messages[0]!.content).toContain(
        ['dog', 'cat'].filter((label) => label === 'cat' || shown.has(label)).join(', '),
      );
      expect(messages[0]!.content).not.toContain('bird');
      await selector.close();
    }));

  it('abstains below a confidence, and then only without an LLM', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const sure = await selector.answer('cat a b', { policy: { abstain: { below: 0.1 } } });
      expect(sure).toMatchObject({ label: 'cat', answer: { kind: 'label' }, selection: { abstains: false } });
      const calibration = { method: 'platt', slope: 0, intercept: 0 } as const;
      const unsure = await selector.answer('cat a b', { policy: { abstain: { below: 0.6 }, calibration } });
      expect(unsure.label).toBeUndefined();
      expect(unsure.answer).toEqual({ kind: 'abstained', likeliest: 'cat', confidence: 0.5 });
      const complete = vi.fn<LlmClient['complete']>(() =>
        Promise.resolve({ text: 'dog', finishReason: 'stop', cached: false } as never),
      );
      const llm = { complete, settings: {} } as unknown as LlmClient;
      const asked = await selector.answer('cat a b', { policy: { abstain: { below: 0.6 }, calibration }, llm });
      expect(asked.label).toBe('dog');
      await selector.close();
    }));

  it('measures itself, and takes what it measured', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const examples = tinyExamples(120).slice(60);
      const measured = await selector.calibrate({ k: 5, precision: 0.5, examples });
      const { calibration, queries, accuracy, abstention } = measured;
      expect(queries).toBe(60);
      expect(accuracy).toBeGreaterThan(0.7);
      expect(calibration.method).toBe('platt');
      const below = abstention!.threshold;
      const given = await selector.select('cat a b', { policy: { calibration, abstain: { below } } });
      expect(given.posterior!.calibrated).toBe(true);
      expect(given.abstains).toBe(given.posterior!.confidence < below);
      for (const options of [{ examples, queries: 0 }, { examples: [] }, {}]) {
        // The last: its own examples lie among those of their label, as this index was made to have it.
        await expect(selector.calibrate(options)).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' });
      }
      await selector.close();
    }));

  it('that is none is refused before anything is encoded', () =>
    inPlace(async (place) => {
      const selector = await build(place);
      const bad = { policy: { choice: { by: 'mmr', lambda: 2 } } } as const;
      await expect(selector.select('', bad)).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        message: expect.stringContaining('policy.choice.lambda') as string,
      });
      await selector.close();
    }));
});
