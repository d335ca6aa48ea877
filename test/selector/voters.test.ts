/** Who votes in an index that chose for itself. */
import { expect, it } from 'vitest';
import type { PolicyOptions } from '../../src/policies/options.js';
import { FungiSelector } from '../../src/selector/selector.js';
import { inPlace, tinyExamples } from './support.js';

it('are the same whether reasons are asked for, and whatever a policy shows; a policy says who may vote', () =>
  inPlace(async (place) => {
    const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(60) });
    const { voters: count } = selector.manifest.auto!.choice!;
    const query = tinyExamples(8)[7]!.input;
    const { voters } = await selector.select(query, { k: 6 });
    expect(voters).toHaveLength(count);
    for (const options of [
      { explain: true },
      { policy: { maxPerLabel: 1 } },
      { policy: { choice: { by: 'mmr' as const } } },
    ]) {
      expect((await selector.select(query, { k: 6, ...options })).voters).toEqual(voters);
    }
    const without = await selector.select(query, { k: 6, policy: { exclude: { ids: [voters![0]!.id] } } });
    expect(without.voters!.map(({ id }) => id)).not.toContain(voters![0]!.id);
    expect(without.voters).toHaveLength(count);
    await selector.close();
  }));

it('say the same of the label however examples are chosen, and nothing where nobody asks', () =>
  inPlace(async (place) => {
    const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(60) });
    const query = tinyExamples(8)[7]!.input;
    const judged = (choice: NonNullable<PolicyOptions['choice']>) =>
      selector.select(query, { k: 6, policy: { choice, maxPerLabel: 2, abstain: { below: 0.5 } } });
    const [nearest, diverse] = await Promise.all([judged({ by: 'top-k' }), judged({ by: 'dpp', theta: 0.5 })]);
    expect(diverse.examples).not.toEqual(nearest.examples);
    expect(diverse.posterior).toEqual(nearest.posterior);
    expect(diverse.abstains).toBe(nearest.abstains);
    expect(diverse.abstains).toBeDefined();
    expect(await selector.select(query, { k: 6, policy: { maxPerLabel: 2 } })).not.toHaveProperty('posterior');
    await selector.close();
  }));

it('say of the label what all candidates of the policy say, also where its choice is its only rule', () =>
  inPlace(async (place) => {
    const selector = await FungiSelector.build({ ...place.options('bank'), examples: tinyExamples(60) });
    const query = tinyExamples(8)[7]!.input;
    const judged = async (candidates?: number) => {
      const policy = { choice: { by: 'mmr' as const }, ...(candidates !== undefined && { candidates }) };
      return (await selector.select(query, { k: 6, explain: true, policy })).posterior;
    };
    expect(await judged()).toEqual(await judged(60));
    expect(await judged()).not.toEqual(await judged(7));
    await selector.close();
  }));
