/** Policies and explanations over HTTP are the library's: the same choice, the same words for it, and a bound on the work. */
import { describe, expect, expectTypeOf, it } from 'vitest';
import type { z } from 'zod';
import type { ExampleInput } from '../../../src/core/item.js';
import type { LlmClient } from '../../../src/llm/client.js';
import type { BlockShare, BlockSplit } from '../../../src/policies/block-split.js';
import type { SelectionExplanation } from '../../../src/policies/explanation.js';
import type { PolicyOptions } from '../../../src/policies/options.js';
import type { explainedShape } from '../../../src/server/routes/selection/explained.js';
import { MAX_CANDIDATES, MAX_PAIRS, MAX_ROWS } from '../../../src/server/routes/selection/policy-body.js';
import { ask, askJson, askStream, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const path = { name: 'desk' };
// Features are [length, a, e, o]: distances from "aaaa" are 0, 0, √2, 4√2, …
const rows: ExampleInput[] = [
  { id: 'a', input: 'aaaa', label: 'as' },
  { id: 'A', input: 'AAAA aaaa', label: 'as' },
  { id: 'again', input: 'aaaa', label: 'as' },
  { id: 'ae', input: 'aaaae', label: 'as' },
  { id: 'e', input: 'eeee', label: 'es' },
  { id: 'o', input: 'oooo oooo', label: 'os' },
];

async function desk(examples: readonly ExampleInput[] = rows) {
  const catalogue = new FakeCatalogue();
  const { selector, featurizer } = await catalogue.put('desk', examples);
  return { catalogue, selector, featurizer };
}

const many = (count: number): ExampleInput[] =>
  Array.from({ length: count }, (_, i) => ({ id: `${i}`, input: 'a'.repeat(1 + (i % 90)), label: `${i % 7}` }));

const idsIn = (reply: Record<string, unknown>): string[] => (reply['examples'] as { id: string }[]).map(({ id }) => id);

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return error;
  }
}

const llm: LlmClient = {
  settings: { model: 'm' },
  complete: () => Promise.resolve({ text: 'os', finishReason: 'stop', cached: false, attempts: 1 }),
};

const policies: readonly PolicyOptions[] = [
  {},
  { duplicates: true, exclude: { query: true, ids: ['ae'] } },
  { choice: { by: 'mmr', lambda: 0.3 }, maxPerLabel: 1 },
  { choice: { by: 'dpp' }, minLabels: 3, order: 'interleaved' },
  { hybrid: true, adaptive: { mass: 0.9, atLeast: 2 } },
  { labelList: { alpha: 0.4 }, packing: 'skip-long', abstain: { below: 0.9 } },
  { calibration: { method: 'isotonic', scores: [0.2, 0.8], precisions: [0.1, 0.7] }, abstain: { below: 0.5 } },
];

describe('a policy in a request', () => {
  it.each(policies)('chooses and explains as the library does: %o', async (policy) => {
    const { catalogue, selector } = await desk();
    const options = { k: 3, policy, explain: true };
    const selection = await selector.select('aaaa', options);
    const chosen = { explanation: selection.explanation, ...('abstain' in policy && { abstains: selection.abstains }) };

    const found = await askJson(catalogue, 'retrieve', { path, body: { query: 'aaaa', ...options } });
    expect(found).toMatchObject(chosen);
    expect(idsIn(found)).toEqual(selection.examples.map(({ id }) => id));

    const { messages } = await selector.promptFrom(selection, { template: 'classify' });
    const filled = await askJson(catalogue, 'prompt', {
      path,
      body: { query: 'aaaa', ...options, template: 'classify' },
    });
    expect(filled).toMatchObject({ messages, ...chosen });

    const { label = null, answer } = await selector.answerFrom(selection);
    const answered = await askJson(catalogue, 'answer', { path, body: { query: 'aaaa', ...options } });
    expect(answered).toMatchObject({ label, by: 'vote', ...chosen });
    expect((answered['abstained'] !== null) === (answer.kind === 'abstained')).toBe(true);
  });

  it.each(['retrieve', 'prompt', 'answer'])('explains by blocks as the library does: %s', async (operation) => {
    const { catalogue, selector, featurizer } = await desk();
    const options = { k: 3, policy: { minLabels: 3 }, explain: 'blocks' } as const;
    const { explanation } = await selector.select('aaae', options);
    featurizer.items.length = 0;
    const reply = await askJson(catalogue, operation, { path, body: { query: 'aaae', ...options } });
    expect(reply['explanation']).toEqual(explanation);
    expect(featurizer.items).toHaveLength(1 + 1 + 3);
    // Of the features [length, a, e, o] the first is a block; "aaaa" has one a more, and one e fewer.
    expect(explanation!.chosen[0]).toMatchObject({
      id: 'a',
      split: { before: 2, after: 2, residual: 0, blocks: [{ before: 0 }, { before: 2, after: 2, rank: 1 }] },
    });
  });

  it('drops a duplicate for the nearest, and says of which', async () => {
    const { catalogue } = await desk();
    const body = { query: 'aaaa', k: 2, policy: { duplicates: true }, explain: true };
    const { explanation, ...reply } = await askJson(catalogue, 'retrieve', { path, body });
    expect(idsIn(reply)).toEqual(['a', 'ae']);
    const { chosen, dropped, candidates, k, posterior } = explanation as SelectionExplanation;
    expect({ candidates, k }).toEqual({ candidates: 6, k: 2 });
    expect(chosen.map(({ id, rank, nearness, rule }) => ({ id, rank, nearness, rule }))).toEqual([
      { id: 'a', rank: 1, nearness: 1, rule: 'nearest' },
      { id: 'ae', rank: 2, nearness: 3, rule: 'nearest' },
    ]);
    expect(dropped[0]).toMatchObject({ id: 'again', rule: 'duplicate', of: 'a', distance: 0, nearness: 2 });
    expect(chosen[0]!.margin).toBeCloseTo(dropped[1]!.distance);
    expect(posterior).toMatchObject({ calibrated: false, other: 0, confidence: posterior.labels[0]!.probability });
  });

  it('is for each of many queries by itself', async () => {
    const { catalogue } = await desk();
    const options = { k: 2, policy: { maxPerLabel: 1 }, explain: true };
    const queries = ['aaaa', 'eeee'];
    const reply = await askJson(catalogue, 'retrieve', { path, body: { queries, ...options } });
    for (const [i, query] of queries.entries()) {
      const { index, generation, ...single } = await askJson(catalogue, 'retrieve', {
        path,
        body: { query, ...options },
      });
      expect((reply['results'] as unknown[])[i]).toEqual(single);
      expect([index, generation]).toEqual(['desk', 'one']);
    }
  });

  it('adds nothing to a reply that it was not asked for', async () => {
    const { catalogue } = await desk();
    const plain = await askJson(catalogue, 'retrieve', { path, body: { query: 'aaaa', k: 2 } });
    const same = await askJson(catalogue, 'retrieve', { path, body: { query: 'aaaa', k: 2, policy: {} } });
    expect(same).toEqual(plain);
    expect(plain).not.toHaveProperty('explanation');
    expect(plain).not.toHaveProperty('abstains');
  });

  it('abstains from a vote, and tells what it would have been; an LLM answers all the same', async () => {
    const { catalogue } = await desk();
    const body = { query: 'aaaa', k: 3, policy: { abstain: { below: 1 } } };
    const reply = await askJson(catalogue, 'answer', { path, body });
    const { confidence } = (await catalogue.indexes.get('desk')!.selector.select('aaaa', body)).posterior!;
    expect(reply).toMatchObject({ label: null, abstains: true, abstained: { likeliest: 'as', confidence } });
    const asked = await askJson(catalogue, 'answer', { path, body, context: { llm } });
    expect(asked).toMatchObject({ label: 'os', by: 'llm', abstains: true, abstained: null });
  });

  it('is in the first event of an answer already', async () => {
    const { catalogue } = await desk();
    const body = { query: 'aaaa', explain: true, policy: { abstain: { below: 0.1 } }, stream: true };
    const { values } = await askStream(catalogue, 'answer', { path, body, context: { llm } });
    expect(values[0]).toMatchObject({ type: 'selection', abstains: false, explanation: { candidates: 6 } });
    expect(values[1]).toMatchObject({ type: 'answer', explanation: values[0]!['explanation'] });
  });
});

describe('a policy that is none', () => {
  const malformed: [string, unknown][] = [
    ['an unknown member', { maxperlabel: 3 }],
    ['a rule out of range', { choice: { by: 'mmr', lambda: 1.5 } }],
    ['an adaptive k by nothing', { adaptive: {} }],
    ['text', 'mmr'],
    ['null', null],
    [`more than ${MAX_CANDIDATES} candidates`, { candidates: MAX_CANDIDATES + 1 }],
  ];
  it.each(malformed)('is refused by its shape: %s', async (_, policy) => {
    const { catalogue, featurizer } = await desk();
    for (const operation of ['retrieve', 'prompt', 'answer']) {
      expect(await codeOf(ask(catalogue, operation, { path, body: { query: 'a', policy } }))).toBe('INVALID_REQUEST');
    }
    expect(featurizer.items).toEqual([]);
  });

  const atOdds: [string, PolicyOptions, RegExp][] = [
    ['fewer candidates than k', { candidates: 5 }, /candidates: is 5, it must be at least k, which is 20/],
    ['more labels than examples', { minLabels: 21 }, /minLabels: is 21, it must be at most k, which is 20/],
    [
      'a calibration that falls',
      { calibration: { method: 'isotonic', scores: [1, 0], precisions: [0, 1] } },
      /calibration\.scores: has to ascend/,
    ],
  ];
  it.each(atOdds)('is refused for what no schema can say: %s', async (_, policy, message) => {
    const { catalogue, featurizer } = await desk();
    for (const operation of ['retrieve', 'prompt', 'answer']) {
      const error = await failure(ask(catalogue, operation, { path, body: { query: 'a', policy } }));
      expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) as string });
    }
    expect(featurizer.items).toEqual([]);
  });

  it('names the limit of candidates', async () => {
    const { catalogue } = await desk();
    const asked = ask(catalogue, 'retrieve', { path, body: { query: 'a', policy: { candidates: 9999 } } });
    expect(await failure(asked)).toMatchObject({ message: expect.stringContaining(String(MAX_CANDIDATES)) as string });
  });
});

describe('the work of policies', () => {
  const refused: [string, { queries: number; k: number; policy?: PolicyOptions; explain?: boolean }, string][] = [
    ['rows of many queries', { queries: 251, k: 20, policy: { maxPerLabel: 3 } }, `${MAX_ROWS}`],
    ['rows that words find too', { queries: 126, k: 20, policy: { hybrid: true } }, `${MAX_ROWS}`],
    ['explanations', { queries: 51, k: 980, explain: true }, `${MAX_ROWS}`],
    ['pairs of a long prompt', { queries: 1, k: 600, policy: { choice: { by: 'dpp' } } }, `${MAX_PAIRS}`],
    ['pairs of near-duplicates', { queries: 60, k: 20, policy: { duplicates: { distance: 1 } } }, `${MAX_PAIRS}`],
  ];
  it.each(refused)('is bound: %s', async (_, { queries, k, policy, explain }, limit) => {
    const { catalogue, featurizer } = await desk(many(2100));
    const one = { ...(policy && { policy }), ...(explain && { explain }) };
    const sent = { queries: Array<string>(queries).fill('aa'), k, ...one };
    const error = await failure(ask(catalogue, 'retrieve', { path, body: sent }));
    expect(error).toMatchObject({ code: 'INVALID_ARGUMENT', message: expect.stringContaining(limit) as string });
    expect(featurizer.items).toEqual([]);
    // The hint is a way out.
    expect(error).toMatchObject({ hint: expect.stringContaining('policy.candidates') as string });
    const fewer = { ...sent, queries: ['aa'], k: Math.min(k, 100), policy: { ...policy, candidates: 200 } };
    expect(await codeOf(ask(catalogue, 'retrieve', { path, body: fewer }))).toBeUndefined();
  });

  it('is bound: items computed again to explain by blocks', async () => {
    const { catalogue, featurizer } = await desk(many(200));
    const body = { queries: Array<string>(98).fill('aa'), k: 20, explain: 'blocks' };
    const error = await failure(ask(catalogue, 'retrieve', { path, body }));
    expect(error).toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining('2058 items to compute; a request may have 2048') as string,
    });
    expect(featurizer.items).toEqual([]);
    const one = { ...body, queries: body.queries.slice(1) };
    expect(await codeOf(ask(catalogue, 'retrieve', { path, body: one }))).toBeUndefined();
  });

  it('is counted by the rows that there are: a small index takes as many queries as without a policy', async () => {
    const { catalogue } = await desk();
    const body = { queries: Array<string>(2048).fill('aa'), k: 2, policy: { maxPerLabel: 1 } };
    expect((await askJson(catalogue, 'retrieve', { path, body }))['results']).toHaveLength(2048);
  });

  it('ends where a rule would look at the whole index', async () => {
    // All of one text: no two of them may be chosen, and there is no end to looking for others.
    const same = Array.from({ length: 6000 }, (_, i) => ({ id: `${i}`, input: 'aa', label: 'x' }));
    const { catalogue } = await desk(same);
    const body = { query: 'aa', k: 20, policy: { duplicates: true }, explain: true };
    const one = await askJson(catalogue, 'retrieve', { path, body });
    expect((one['explanation'] as SelectionExplanation).candidates).toBe(4000);
    const queries = Array<string>(25).fill('aa');
    const { results } = await askJson(catalogue, 'retrieve', { path, body: { ...body, query: undefined, queries } });
    const looked = (results as { explanation: SelectionExplanation }[]).map(
      ({ explanation }) => explanation.candidates,
    );
    expect(looked).toEqual(Array(25).fill(2000));
  });
});

type Writable<T> = { -readonly [K in keyof T]: T[K] };

it('says of an explanation what the library says', () => {
  type Said = NonNullable<z.output<typeof explainedShape.explanation>>;
  expectTypeOf<keyof Said>().toEqualTypeOf<keyof SelectionExplanation>();
  expectTypeOf<keyof Said['chosen'][number]>().toEqualTypeOf<keyof SelectionExplanation['chosen'][number]>();
  expectTypeOf<Omit<SelectionExplanation['chosen'][number], 'split'>>().toExtend<
    Omit<Said['chosen'][number], 'split'>
  >();
  type SaidSplit = NonNullable<Said['chosen'][number]['split']>;
  expectTypeOf<keyof SaidSplit>().toEqualTypeOf<keyof BlockSplit>();
  expectTypeOf<SaidSplit['blocks'][number]>().toEqualTypeOf<Writable<BlockShare>>();
  expectTypeOf<keyof Said['dropped'][number]>().toEqualTypeOf<keyof SelectionExplanation['dropped'][number]>();
  expectTypeOf<SelectionExplanation['dropped'][number]>().toExtend<Said['dropped'][number]>();
  expectTypeOf<keyof Said['posterior']>().toEqualTypeOf<keyof SelectionExplanation['posterior']>();
});
