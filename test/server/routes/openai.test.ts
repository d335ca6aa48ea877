import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ask, askJson, codeOf } from './ask.js';
import { FakeCatalogue, type FakeIndexOptions } from './fake-catalogue.js';

async function desk(options: FakeIndexOptions = {}) {
  const catalogue = new FakeCatalogue({ 'owner/letters': 'text', 'owner/pictures': 'image' });
  const { selector } = await catalogue.put('desk', [{ input: 'aaa', label: 'as' }], options);
  return { catalogue, selector };
}

type Data = { object: string; index: number; embedding: number[] | string }[];
const dataOf = (reply: Record<string, unknown>): Data => reply['data'] as Data;

describe('embeddings', () => {
  it('are the features of an index, in order', async () => {
    const { catalogue, selector } = await desk();
    const input = ['aab', 'oo'];
    const reply = await askJson(catalogue, 'createEmbedding', { body: { model: 'desk', input } });
    const { vectors } = await selector.embed(input);
    expect(reply).toEqual({
      object: 'list',
      data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: [...vector] })),
      model: 'desk',
      usage: { prompt_tokens: 2, total_tokens: 2 },
    });
  });

  it('say that their count of tokens is an estimate', async () => {
    const { catalogue } = await desk();
    const reply = await ask(catalogue, 'createEmbedding', { body: { model: 'desk', input: 'a' } });
    expect(reply).toMatchObject({ headers: { 'x-fungi-usage': 'estimate' } });
  });

  it('are plain ones of an encoder, which an index of its name cannot stand in for', async () => {
    const { catalogue } = await desk();
    const reply = await askJson(catalogue, 'createEmbedding', { body: { model: 'owner/letters', input: 'aab' } });
    expect(dataOf(reply)).toEqual([{ object: 'embedding', index: 0, embedding: [3, 2, 0, 0] }]);
    const short = new FakeCatalogue({ letters: 'text' });
    await short.put('letters', [], { modality: 'audio' });
    expect(await codeOf(ask(short, 'createEmbedding', { body: { model: 'letters', input: 'aab' } }))).toBeUndefined();
  });

  it('are in base64 the little-endian bytes of the same floats', async () => {
    const { catalogue } = await desk();
    await fc.assert(
      fc.asyncProperty(fc.stringMatching(/^[aeox]{1,30}$/), async (input) => {
        const body = { model: 'desk', input };
        const [float] = dataOf(await askJson(catalogue, 'createEmbedding', { body }));
        const [base64] = dataOf(
          await askJson(catalogue, 'createEmbedding', { body: { ...body, encoding_format: 'base64' } }),
        );
        const bytes = Buffer.from(base64!.embedding as string, 'base64');
        expect(Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i))).toEqual(float!.embedding);
      }),
      { numRuns: 30 },
    );
  });

  it('are cut where their dimensions are in order, and nowhere else', async () => {
    const embedding = async (options: FakeIndexOptions, body: object) => {
      const { catalogue } = await desk(options);
      return dataOf(await askJson(catalogue, 'createEmbedding', { body: { model: 'desk', input: 'aab', ...body } }))[0]!
        .embedding;
    };
    expect(await embedding({}, { dimensions: 2 })).toEqual([3, 2]);
    expect(
      Buffer.from((await embedding({}, { dimensions: 1, encoding_format: 'base64' })) as string, 'base64'),
    ).toHaveLength(4);
    expect(await embedding({ centredOnly: true }, { dimensions: 4 })).toHaveLength(4);
    expect(await codeOf(embedding({ centredOnly: true }, { dimensions: 2 }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(embedding({}, { dimensions: 5 }))).toBe('INVALID_ARGUMENT');
    expect(await codeOf(embedding({}, { model: 'owner/letters', dimensions: 2 }))).toBe('INVALID_ARGUMENT');
    expect(await embedding({}, { model: 'owner/letters', dimensions: 4 })).toHaveLength(4);
  });

  it.each([
    ['no input', {}],
    ['an empty text', { input: '' }],
    ['an empty list', { input: [] }],
    ['an empty text among others', { input: ['a', ''] }],
    ['2,049 texts', { input: Array(2049).fill('a') }],
    ['half a surrogate pair', { input: ['\udfff'] }],
    ['another format', { input: 'a', encoding_format: 'int8' }],
    ['0 dimensions', { input: 'a', dimensions: 0 }],
    ['half a dimension', { input: 'a', dimensions: 1.5 }],
    ['an unknown member', { input: 'a', truncate: true }],
  ])('are refused for %s', async (_, body) => {
    const asked = ask((await desk()).catalogue, 'createEmbedding', { body: { model: 'desk', ...body } });
    expect(await codeOf(asked)).toBe('INVALID_REQUEST');
  });

  it.each([[[1, 2, 3]], [[[1, 2], [3]]]])('are not those of tokens, and say so: %j', async (input) => {
    const asked = ask((await desk()).catalogue, 'createEmbedding', { body: { model: 'desk', input } });
    await expect(asked).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
      message: expect.stringContaining('token arrays') as string,
    });
  });

  it('take the name of a user', async () => {
    const asked = ask((await desk()).catalogue, 'createEmbedding', { body: { model: 'desk', input: 'a', user: 'u' } });
    expect(await codeOf(asked)).toBeUndefined();
  });

  it('are at most of 300,000 tokens in one request', async () => {
    const { catalogue } = await desk();
    const texts = (count: number) => Array(count).fill('a'.repeat(100_000)) as string[];
    expect(
      await codeOf(ask(catalogue, 'createEmbedding', { body: { model: 'desk', input: texts(12) } })),
    ).toBeUndefined();
    expect(await codeOf(ask(catalogue, 'createEmbedding', { body: { model: 'desk', input: texts(13) } }))).toBe(
      'INVALID_ARGUMENT',
    );
  });

  it.each(['none', '..', 'Desk', 'owner/none', 'desk/..', '/etc/passwd'])('are of no model %j', async (model) => {
    const { catalogue } = await desk();
    const asked = ask(catalogue, 'createEmbedding', { body: { model, input: 'a' } });
    await expect(asked).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      details: { faults: [{ pointer: '#/model' }] },
    });
    expect(await codeOf(ask(catalogue, 'retrieveModel', { path: { id: model } }))).toBe('MODEL_NOT_FOUND');
  });
});

describe('models', () => {
  it('are the encoders, and the indexes that are ready', async () => {
    const { catalogue } = await desk();
    catalogue.others.set('building', { state: 'building', name: 'building', progress: undefined });
    const models = [
      { id: 'owner/letters', object: 'model', created: 0, owned_by: 'fungi-encoder' },
      { id: 'owner/pictures', object: 'model', created: 0, owned_by: 'fungi-encoder' },
      { id: 'desk', object: 'model', created: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000, owned_by: 'fungi-index' },
    ];
    expect(await askJson(catalogue, 'listModels')).toEqual({ object: 'list', data: models });
    for (const model of models)
      expect(await askJson(catalogue, 'retrieveModel', { path: { id: model.id } })).toEqual(model);
    expect(await codeOf(ask(catalogue, 'retrieveModel', { path: { id: 'building' } }))).toBe('MODEL_NOT_FOUND');
  });
});
