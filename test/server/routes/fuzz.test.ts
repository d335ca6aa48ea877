/** What comes near to a request, and what does not: each ends in a reply of the document, or in an error that the route names. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { FungiError } from '../../../src/core/errors.js';
import { ROUTES } from '../../../src/server/routes/index.js';
import { askJson, askStream } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('', ' ', '\0', '\ud800', '\u202e', 'aaa'),
);
const number = fc.oneof(fc.integer(), fc.double(), fc.constantFrom(0, -0, 1, 20, 1000, 1e9, NaN, Infinity));
const odd = fc.oneof(fc.jsonValue(), text, number, fc.constant(undefined));
/** What each member may be, well or badly. */
const MEMBERS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  query: text,
  queries: fc.array(text, { maxLength: 4 }),
  k: number,
  filter: fc.oneof(
    fc.record(
      { label: fc.oneof(text, fc.array(text)), metadata: fc.dictionary(text, fc.oneof(text, number)) },
      { requiredKeys: [] },
    ),
    fc.constantFrom({ not: {} }, { or: [] }, { label: { gt: 'a' } }),
  ),
  includeVectors: fc.boolean(),
  nearDistance: number,
  top: number,
  select: number,
  unlabelled: fc.array(text, { maxLength: 4 }),
  policy: fc.oneof(
    fc.record(
      {
        candidates: number,
        exclude: fc.record({ query: fc.boolean(), ids: fc.array(text) }, { requiredKeys: [] }),
        duplicates: fc.oneof(fc.boolean(), fc.record({ text: fc.boolean(), distance: number }, { requiredKeys: [] })),
        hybrid: fc.oneof(fc.boolean(), fc.record({ weight: number, constant: number }, { requiredKeys: [] })),
        choice: fc.constantFrom({ by: 'mmr' }, { by: 'dpp', theta: 0 }, { by: 'top-k' }, { by: 'best' }),
        maxPerLabel: number,
        minLabels: fc.oneof(number, fc.integer({ min: 1, max: 3 })),
        adaptive: fc.record(
          { gap: fc.double({ min: 0, max: 1 }), mass: number, atLeast: number },
          { requiredKeys: [] },
        ),
        order: fc.constantFrom('stable', 'interleaved', 'random'),
        packing: fc.constantFrom('skip-long', 'drop-farthest'),
        labelList: fc.record({ alpha: number }),
        abstain: fc.record({ below: number }),
      },
      { requiredKeys: [] },
    ),
    fc.record({
      abstain: fc.constantFrom({ below: 0 }, { below: 1 }),
      calibration: fc.oneof(
        fc.record(
          { method: fc.constantFrom('temperature', 'platt'), slope: number, intercept: number },
          { requiredKeys: ['method', 'slope'] },
        ),
        fc.record({ method: fc.constant('isotonic'), scores: fc.array(number), precisions: fc.array(number) }),
      ),
    }),
  ),
  explain: fc.constantFrom(false, true, 'blocks'),
  template: fc.constantFrom('classify', 'classify-chat', 'turns', '../turns'),
  labels: fc.array(text, { maxLength: 3 }),
  variables: fc.dictionary(text, text, { maxKeys: 2 }),
  stream: fc.constant(false),
  input: fc.oneof(text, fc.array(text, { maxLength: 3 }), fc.array(number, { maxLength: 2 })),
  model: fc.constantFrom('desk', 'small', 'owner/letters', 'none', '..'),
  encoding_format: fc.constantFrom('float', 'base64', 'int8'),
  dimensions: fc.oneof(number, fc.integer({ min: 1, max: 5 })),
  user: text,
  ids: fc.array(text, { maxLength: 3 }),
  examples: fc.array(
    fc.record(
      { id: text, input: text, label: text, metadata: fc.dictionary(text, fc.oneof(text, number, fc.boolean())) },
      { requiredKeys: ['input', 'label'] },
    ),
    { maxLength: 3 },
  ),
  name: fc.constantFrom('new', 'desk', 'A', '..'),
  encoder: fc.constantFrom('owner/letters', '/etc/passwd'),
  features: fc.constantFrom({}, { losses: [] }, { losses: [{ name: 'kl' }] }, { losses: [{ name: 'dino' }] }),
  dims: number,
  reducer: fc.constantFrom<unknown>(
    { kind: 'pca' },
    { kind: 'lda', shrinkage: 'auto' },
    { kind: 'blend', shrinkage: 0.2, shares: { selection: 0, vote: 1 } },
    { kind: 'blend', shares: { vote: -1 } },
    { kind: 'none', shrinkage: 1 },
  ),
  metric: fc.constantFrom('l2', 'cosine', 'dot'),
  ifExists: fc.constantFrom('refuse', 'replace', 'resume'),
};

const VALID: Readonly<Record<string, readonly object[]>> = {
  createIndex: [{ name: 'new', examples: [{ input: 'a', label: 'as' }] }],
  addExamples: [{ examples: [{ input: 'a', label: 'as' }] }],
  deleteExamples: [{ ids: ['a'] }],
  retrieve: [{ query: 'a' }, { queries: ['a', 'e'] }],
  prompt: [{ query: 'a', template: 'classify' }],
  answer: [{ query: 'a' }],
  indexHealth: [{}, { queries: ['a'], unlabelled: ['o', 'eee'], top: 3 }],
  createEmbedding: [
    { model: 'desk', input: 'a' },
    { model: 'owner/letters', input: ['a'] },
  ],
};
const validOf = (operationId: string) => fc.constantFrom(...VALID[operationId]!);

const WITH_BODY = ROUTES.filter(({ body }) => body !== undefined);

async function desk(): Promise<FakeCatalogue> {
  const catalogue = new FakeCatalogue();
  await catalogue.put('desk', [
    { id: 'a', input: 'aaa', label: 'as', metadata: { year: 2020 } },
    { id: 'e', input: 'e', label: 'es' },
  ]);
  await catalogue.put('small', [], { centredOnly: true });
  return catalogue;
}

/** @returns the code of the error that it ended in. @throws what is neither of the document nor an error of the route */
async function foreseen(work: Promise<unknown>, failures: readonly string[]): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!FungiError.is(error)) throw error;
    expect(['INVALID_REQUEST', ...failures]).toContain(error.code);
    return error.code;
  }
}

describe.each(WITH_BODY)('$operationId', ({ operationId, body, path, failures }) => {
  const properties = Object.keys((z.toJSONSchema(body!.schema, { io: 'input' }) as { properties: object }).properties);
  // One that is taken, with a member or two changed.
  const near = fc
    .record({
      base: validOf(operationId),
      changed: fc.subarray(properties, { maxLength: Math.min(2, properties.length) }),
    })
    .chain(({ base, changed }) => {
      const members = changed.map((name) => [name, fc.oneof({ arbitrary: MEMBERS[name]!, weight: 9 }, odd)] as const);
      return fc.record(Object.fromEntries(members)).map((change) => ({ ...base, ...change }));
    });
  const asked = path.includes('{name}') ? { path: { name: 'desk' } } : {};

  it('has a member here for each that it knows', () => {
    expect(properties.filter((name) => MEMBERS[name] === undefined)).toEqual([]);
  });

  it('ends as the document says, whatever it is sent', async () => {
    const ends = new Set<string | undefined>();
    await fc.assert(
      fc.asyncProperty(fc.oneof({ arbitrary: near, weight: 9 }, odd), async (value) => {
        ends.add(await foreseen(askJson(await desk(), operationId, { ...asked, body: value }), failures));
        expect(Object.prototype).not.toHaveProperty('polluted');
      }),
      { numRuns: 150 },
    );
    // Not all was refused at the door.
    expect([...ends]).toEqual(expect.arrayContaining([undefined, 'INVALID_REQUEST']));
  });

  it('shows examples that it takes', () => {
    const examples: unknown[] = [];
    const collect = (schema: z.ZodType): void => {
      for (const example of (schema.meta()?.['examples'] as unknown[] | undefined) ?? []) {
        examples.push(example);
        expect(schema.safeParse(example).error, JSON.stringify(example)).toBeUndefined();
      }
      if (schema instanceof z.ZodObject) Object.values(schema.shape).forEach(collect);
      if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) collect(schema.unwrap() as z.ZodType);
      if (schema instanceof z.ZodArray) collect(schema.element as z.ZodType);
    };
    collect(body!.schema);
    expect(examples.length).toBeGreaterThan(0);
  });
});

it('adding lines ends as the document says, whatever they are', async () => {
  const { failures } = ROUTES.find(({ operationId }) => operationId === 'addExamples')!;
  const line = fc.oneof(
    { arbitrary: MEMBERS['examples']!.map((examples) => (examples as unknown[])[0]), weight: 9 },
    odd,
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 6 }), async (lines) => {
      const { error, values } = await askStream(await desk(), 'addExamples', { path: { name: 'desk' }, lines });
      if (error === undefined) expect(values.at(-1)).toMatchObject({ acknowledged: lines.length, complete: true });
      else await foreseen(Promise.reject(asError(error)), failures);
    }),
    { numRuns: 100 },
  );
});

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
