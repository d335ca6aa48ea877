import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import { canonicalJson, type Json } from '../../../src/core/fingerprint.js';
import { exampleId } from '../../../src/store/store.js';
import { ask, askJson, askStream, codeOf, type Asked } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const path = { name: 'desk' };
const one = { id: 'one', input: 'a card', label: 'card' };
const key = (value: string, more: object = {}): Asked['context'] => ({
  headers: { 'idempotency-key': value },
  ...more,
});

async function desk(rows = [one]) {
  const catalogue = new FakeCatalogue();
  const { selector, featurizer } = await catalogue.put('desk', rows);
  return { catalogue, selector, featurizer };
}

describe('adding a batch', () => {
  it('counts what is new and what is replaced, and names every row', async () => {
    const { catalogue, selector } = await desk();
    const body = {
      examples: [
        { ...one, input: 'a new card' },
        { input: 'a room', label: 'room' },
      ],
    };
    expect(await askJson(catalogue, 'addExamples', { path, body })).toEqual({
      ...{ inserted: 1, updated: 1, truncated: 0 },
      ids: ['one', exampleId('a room', 'room')],
    });
    expect(selector.size).toBe(2);
  });

  it('says of how many the end was not read, in a batch and line by line', async () => {
    const { catalogue } = await desk();
    const texts = ['x'.repeat(101), 'short', 'y'.repeat(200)];
    const examples = texts.map((input) => ({ input, label: 'card' }));
    expect(await askJson(catalogue, 'addExamples', { path, body: { examples } })).toMatchObject({
      inserted: 3,
      truncated: 2,
    });
    const lines = Array.from({ length: 300 }, (_, i) => ({ id: `${i}`, ...examples[i % 3]! }));
    const { values } = await askStream(catalogue, 'addExamples', { path, lines });
    expect(values.map(({ truncated }) => truncated)).toEqual([171, 200, 200]);
  });

  it.each([
    ['nothing', { examples: [] }],
    ['no list', { examples: one }],
    ['more than 1,000', { examples: Array(1001).fill(one) }],
    ['an unknown member', { examples: [{ ...one, vector: [1] }] }],
    ['an unknown member of the whole', { examples: [one], upsert: true }],
    ['an empty text', { examples: [{ ...one, input: '' }] }],
    ['half a surrogate pair', { examples: [{ ...one, input: 'a\ud800' }] }],
    ['half a surrogate pair in a label', { examples: [{ ...one, label: '\udc00' }] }],
    ['half a surrogate pair in metadata', { examples: [{ ...one, metadata: { a: '\ud800' } }] }],
    ['metadata that nests', { examples: [{ ...one, metadata: { a: { b: 1 } } }] }],
    ['metadata that is not finite', { examples: [{ ...one, metadata: { a: JSON.parse('1e999') as number } }] }],
    ['metadata that is null', { examples: [{ ...one, metadata: null }] }],
    ['an id too long', { examples: [{ ...one, id: 'x'.repeat(513) }] }],
    ['a label too long', { examples: [{ ...one, label: 'x'.repeat(513) }] }],
  ])('refuses %s, and stores nothing', async (_, body) => {
    const { catalogue, selector, featurizer } = await desk();
    expect(await codeOf(ask(catalogue, 'addExamples', { path, body }))).toBe('INVALID_REQUEST');
    expect(selector.size).toBe(1);
    expect(featurizer.items).toEqual([]);
  });

  it.each([
    ['white space alone', { ...one, input: ' \t' }, 'INVALID_TEXT'],
    ['NUL in an id', { ...one, id: 'a\0' }, 'INVALID_DATA'],
    ['NUL in a label', { ...one, label: 'a\0' }, 'INVALID_DATA'],
    ['a text of 100,001 characters', { ...one, input: 'x'.repeat(100_001) }, 'INVALID_TEXT'],
  ])('refuses %s among others, all or none', async (_, bad, code) => {
    const { catalogue, selector, featurizer } = await desk();
    const body = { examples: [{ input: 'good', label: 'good' }, bad] };
    expect(await codeOf(ask(catalogue, 'addExamples', { path, body }))).toBe(code);
    expect(selector.size).toBe(1);
    expect(featurizer.items).toEqual([]);
  });

  it('keeps any other text, label and metadata as they are, NUL and direction marks in a text too', async () => {
    const text = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 20 })
      .filter((s) => s.trim() !== '' && s.isWellFormed());
    const stored = text.filter((s) => !s.includes('\0'));
    const metadata = fc.dictionary(
      fc.oneof(fc.constant('constructor'), stored),
      fc.oneof(
        text,
        fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
        fc.boolean(),
      ),
    );
    await fc.assert(
      fc.asyncProperty(text, stored, metadata, async (input, label, metadata) => {
        const { catalogue } = await desk([]);
        await ask(catalogue, 'addExamples', { path, body: { examples: [{ id: 'it', input, label, metadata }] } });
        const { examples } = await askJson(catalogue, 'retrieve', { path, body: { query: input } });
        expect(examples).toMatchObject([{ id: 'it', input, label }]);
        expect(canonicalJson((examples as { metadata: Json }[])[0]!.metadata)).toBe(canonicalJson(metadata));
      }),
      { numRuns: 50, examples: [['a card', 'card', JSON.parse('{"__proto__": 0}') as Record<string, number>]] },
    );
  });

  it('never drops a key of metadata without a word: __proto__ is stored as any other', async () => {
    const { catalogue } = await desk([]);
    const metadata = JSON.parse('{"__proto__": "x", "a": 1}') as object;
    await ask(catalogue, 'addExamples', { path, body: { examples: [{ ...one, metadata }] } });
    const filter = JSON.parse('{"metadata": {"__proto__": "y"}}') as object;
    const { examples } = await askJson(catalogue, 'retrieve', { path, body: { query: 'a', filter } });
    expect(examples).toEqual([]);
  });
});

describe('getting one', () => {
  it('gives what is stored, and its feature when it is asked for', async () => {
    const { catalogue, selector } = await desk();
    const asked = { path: { ...path, id: 'one' } };
    const whole = { index: 'desk', generation: 'one', id: 'one', input: 'a card', label: 'card', metadata: {} };
    expect(await askJson(catalogue, 'getExample', asked)).toEqual(whole);
    const { vectors } = await selector.embed(['a card']);
    expect(await askJson(catalogue, 'getExample', { ...asked, query: { includeVectors: 'true' } })).toEqual({
      ...whole,
      vector: [...vectors[0]!],
    });
  });

  it('follows what is replaced and removed', async () => {
    const { catalogue, selector } = await desk();
    await selector.add([{ ...one, input: 'another card', metadata: { year: 2026 } }]);
    const asked = { path: { ...path, id: 'one' }, query: { includeVectors: 'true' } };
    const { vectors } = await selector.embed(['another card']);
    expect(await askJson(catalogue, 'getExample', asked)).toMatchObject({
      ...{ input: 'another card', metadata: { year: 2026 } },
      vector: [...vectors[0]!],
    });
    await selector.remove(['one']);
    expect(await codeOf(ask(catalogue, 'getExample', asked))).toBe('EXAMPLE_NOT_FOUND');
  });

  it('hands out no part of the index itself', async () => {
    const { selector } = await desk();
    selector.get('one')!.vector.fill(9);
    expect([...selector.get('one')!.vector]).toEqual([...(await selector.embed(['a card'])).vectors[0]!]);
  });

  it('tells no path of the server', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', [{ id: 'one', input: '/srv/photo.png', label: 'x' }], { modality: 'image' });
    expect(await askJson(catalogue, 'getExample', { path: { ...path, id: 'one' } })).toMatchObject({ input: null });
  });
});

describe('an idempotency key', () => {
  const body = { examples: [{ input: 'a room', label: 'room' }] };

  it('gives the first reply again, and encodes nothing twice', async () => {
    const { catalogue, featurizer } = await desk();
    const first = await ask(catalogue, 'addExamples', { path, body, context: key('k') });
    const again = await ask(catalogue, 'addExamples', { path, body, context: key('k') });
    expect(first).toMatchObject({ body: { inserted: 1, updated: 0 } });
    expect(again).toEqual({ ...first, headers: { 'Idempotent-Replayed': 'true' } });
    expect(featurizer.items).toEqual(['a room']);
  });

  it('is one for equal bodies, however their members are ordered, and a conflict for another', async () => {
    const { catalogue } = await desk();
    await ask(catalogue, 'addExamples', { path, body, context: key('k') });
    const turned = { examples: [{ label: 'room', input: 'a room' }] };
    expect(await ask(catalogue, 'addExamples', { path, body: turned, context: key('k') })).toHaveProperty('headers');
    const other = ask(catalogue, 'addExamples', { path, body: { examples: [one] }, context: key('k') });
    expect(await codeOf(other)).toBe('IDEMPOTENCY_CONFLICT');
  });

  it('is another one of another API key, index or server', async () => {
    const { catalogue, featurizer } = await desk();
    await catalogue.put('other', []);
    await ask(catalogue, 'addExamples', { path, body, context: key('k', { keyName: 'one' }) });
    await ask(catalogue, 'addExamples', { path, body, context: key('k', { keyName: 'two' }) });
    expect(featurizer.items).toHaveLength(2);
    expect(
      await ask(catalogue, 'addExamples', { path: { name: 'other' }, body, context: key('k') }),
    ).not.toHaveProperty('headers');
    expect(await ask((await desk()).catalogue, 'addExamples', { path, body, context: key('k') })).not.toHaveProperty(
      'headers',
    );
  });

  it('encodes once for equal requests at a time', async () => {
    const { catalogue, featurizer } = await desk();
    let open = (): void => undefined;
    featurizer.gate = new Promise((resolve) => (open = resolve));
    const all = Array.from({ length: 5 }, () => askJson(catalogue, 'addExamples', { path, body, context: key('k') }));
    open();
    expect(new Set((await Promise.all(all)).map((reply) => JSON.stringify(reply))).size).toBe(1);
    expect(featurizer.items).toEqual(['a room']);
  });

  it('does not hold on to a failure that passes', async () => {
    const { catalogue } = await desk();
    const gone = key('k', { signal: AbortSignal.abort(new FungiError('ABORTED', 'left')) });
    expect(await codeOf(ask(catalogue, 'addExamples', { path, body, context: gone }))).toBe('ABORTED');
    expect(await askJson(catalogue, 'addExamples', { path, body, context: key('k') })).toMatchObject({ inserted: 1 });
  });

  it('has to be one, and is not taken with lines', async () => {
    const { catalogue } = await desk();
    expect(await codeOf(ask(catalogue, 'addExamples', { path, body, context: key('a b') }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(ask(catalogue, 'addExamples', { path, lines: [one], context: key('k') }))).toBe(
      'INVALID_ARGUMENT',
    );
  });
});

describe('adding lines', () => {
  const lines = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: `l${i}`, input: `a${'e'.repeat(i % 7)}`, label: 'x' }));

  it('acknowledges batches of 256, and says when it is complete', async () => {
    const { catalogue, selector } = await desk();
    const { kind, values, error } = await askStream(catalogue, 'addExamples', { path, lines: [one, ...lines(599)] });
    expect(error).toBeUndefined();
    expect(kind).toBe('lines');
    expect(values).toEqual([
      { acknowledged: 256, inserted: 255, updated: 1, truncated: 0 },
      { acknowledged: 512, inserted: 511, updated: 1, truncated: 0 },
      { acknowledged: 600, inserted: 599, updated: 1, truncated: 0 },
      { acknowledged: 600, inserted: 599, updated: 1, truncated: 0, complete: true },
    ]);
    expect(selector.size).toBe(600);
  });

  it('says that no lines are complete, too', async () => {
    const { values } = await askStream((await desk()).catalogue, 'addExamples', { path, lines: [] });
    expect(values).toEqual([{ acknowledged: 0, inserted: 0, updated: 0, truncated: 0, complete: true }]);
  });

  it('stores exactly what it acknowledged, wherever a bad line is, and names the line', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 599 }),
        fc.constantFrom({ input: 'a' }, { input: ' ', label: 'x' }),
        async (at, bad) => {
          const { catalogue, selector } = await desk([]);
          const { values, error } = await askStream(catalogue, 'addExamples', {
            path,
            lines: (lines(600) as unknown[]).toSpliced(at, 0, bad),
          });
          expect(error).toMatchObject({ message: expect.stringContaining(`line ${at + 1}:`) as string });
          const acknowledged = (values.at(-1)?.['acknowledged'] ?? 0) as number;
          expect(acknowledged).toBe(at - (at % 256));
          expect(error).toMatchObject({ details: { acknowledged } });
          expect(values.every((value) => !('complete' in value))).toBe(true);
          expect(selector.size).toBe(acknowledged);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('reads no further than it stores: a client that sends for ever fills no memory', async () => {
    const { catalogue } = await desk();
    let read = 0;
    const endless = (async function* () {
      for (;;) {
        await Promise.resolve();
        read++;
        yield { number: read, value: { id: `l${read}`, input: 'a', label: 'x' } };
      }
    })();
    const { ingestLines } = await import('../../../src/server/routes/examples/ingest-lines.js');
    const acknowledgements = ingestLines({ catalogue, signal: new AbortController().signal }, 'desk', endless);
    await acknowledgements.next();
    await acknowledgements.next();
    expect(read).toBe(512);
    await acknowledgements.return();
    expect(read).toBe(512);
    expect(catalogue.inUse).toBe(0);
  });

  it('ends a batch of large items before it has 256 of them', async () => {
    const { catalogue } = await desk([]);
    const large = Array.from({ length: 100 }, (_, i) => ({
      id: `${i}`,
      input: `${i}`.padEnd(99_999, 'x'),
      label: 'x',
    }));
    const { values } = await askStream(catalogue, 'addExamples', { path, lines: large });
    expect(values.map((value) => value['acknowledged'])).toEqual([84, 100, 100]);
  });

  it('goes to one index: another that takes the name meanwhile gets none of it', async () => {
    const { catalogue } = await desk();
    const { ingestLines } = await import('../../../src/server/routes/examples/ingest-lines.js');
    const source = (async function* () {
      for (const [i, value] of lines(512).entries()) {
        if (i === 300) await catalogue.put('desk', [one], { storeId: 'two' });
        yield { number: i + 1, value };
      }
    })();
    const told: unknown[] = [];
    const read = async (): Promise<void> => {
      for await (const value of ingestLines({ catalogue, signal: new AbortController().signal }, 'desk', source))
        told.push(value);
    };
    expect(await codeOf(read())).toBe('INDEX_MISMATCH');
    expect(told).toHaveLength(1);
    expect(catalogue.indexes.get('desk')!.selector.size).toBe(1);
  });

  it('has a status of its own where there is no index', async () => {
    expect(await codeOf(ask(new FakeCatalogue(), 'addExamples', { path, lines: [one] }))).toBe('INDEX_NOT_FOUND');
  });
});

describe('removing', () => {
  it('counts what there was', async () => {
    const { catalogue, selector } = await desk();
    expect(await askJson(catalogue, 'deleteExamples', { path, body: { ids: ['one', 'none'] } })).toEqual({
      deleted: 1,
    });
    expect(selector.size).toBe(0);
  });

  it('takes an id for what it is', async () => {
    const { catalogue, selector } = await desk();
    for (const id of ["x' OR '1'='1", "one'; DROP TABLE rows", '\\', '%']) {
      expect(await askJson(catalogue, 'deleteExamples', { path, body: { ids: [id] } })).toEqual({ deleted: 0 });
    }
    expect(selector.size).toBe(1);
  });

  it.each([
    ['no ids', { ids: [] }],
    ['no list', { ids: 'one' }],
    ['1,001 of them', { ids: Array(1001).fill('x') }],
    ['an empty one', { ids: [''] }],
    ['nothing', {}],
    ['a filter', { filter: {} }],
  ])('refuses %s', async (_, body) => {
    expect(await codeOf(ask((await desk()).catalogue, 'deleteExamples', { path, body }))).toBe('INVALID_REQUEST');
  });
});
