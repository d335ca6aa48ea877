import { describe, expect, it } from 'vitest';
import { FungiError } from '../../../src/core/errors.js';
import type { IndexStatus } from '../../../src/server/indexes/catalogue.js';
import { encoderName } from '../../../src/server/routes/indexes/index-status.js';
import { ask, askJson, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

const examples = [{ id: 'a', input: 'aaa', label: 'as' }];
const body = { name: 'new', examples };

describe('creating an index', () => {
  it('begins a build, and says where it can be looked at', async () => {
    const catalogue = new FakeCatalogue();
    const reply = await ask(catalogue, 'createIndex', { body });
    expect(reply).toEqual({
      ...{ kind: 'json', status: 202, headers: { Location: '/v1/indexes/new' } },
      body: { name: 'new', state: 'building', progress: null },
    });
    expect(catalogue.builds).toEqual([
      { name: 'new', examples: [{ ...examples[0], metadata: {} }], encoder: 'owner/letters', ifExists: 'refuse' },
    ]);
  });

  it('waits for it when asked to', async () => {
    const catalogue = new FakeCatalogue();
    const asked = { query: { wait: 'true' }, body };
    expect(await ask(catalogue, 'createIndex', asked)).toMatchObject({
      status: 201,
      headers: { Location: '/v1/indexes/new' },
    });
    expect(await askJson(catalogue, 'createIndex', { ...asked, body: { ...body, ifExists: 'replace' } })).toMatchObject(
      {
        ...{ state: 'ready', rows: 1, labels: ['as'], encoder: 'owner/letters' },
      },
    );
  });

  it('fails as the build does', async () => {
    const catalogue = new FakeCatalogue();
    const error = new FungiError('STORAGE_FAILED', 'full');
    catalogue.outcome = ({ name }) => Promise.resolve({ state: 'failed', name, error });
    await expect(ask(catalogue, 'createIndex', { query: { wait: 'true' }, body })).rejects.toBe(error);
  });

  it('waits no longer than the request may take, with the reason of its end', async () => {
    const catalogue = new FakeCatalogue();
    catalogue.outcome = () => new Promise<IndexStatus>(() => undefined);
    const late = new AbortController();
    const waiting = codeOf(
      ask(catalogue, 'createIndex', { query: { wait: 'true' }, body, context: { signal: late.signal } }),
    );
    setImmediate(() => {
      late.abort(new FungiError('DEADLINE_EXCEEDED', 'late'));
    });
    expect(await waiting).toBe('DEADLINE_EXCEEDED');
  });

  it('refuses a name that is taken, unless it is to be replaced', async () => {
    const catalogue = new FakeCatalogue({ 'owner/letters': 'text', minilm: 'text' });
    await catalogue.put('new', examples);
    expect(await codeOf(ask(catalogue, 'createIndex', { body }))).toBe('INDEX_EXISTS');
    expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, ifExists: 'replace' } }))).toBeUndefined();
    expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, name: 'minilm' } }))).toBe('INVALID_ARGUMENT');
  });

  it.each(['/etc', '../model', './model', 'other/encoder', 'https://hub/model', 'owner/letters/..'])(
    'builds with no encoder that is not offered: %s',
    async (encoder) => {
      const catalogue = new FakeCatalogue();
      expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, encoder } }))).toBe('MODEL_NOT_FOUND');
      expect(catalogue.builds).toEqual([]);
    },
  );

  it('says so where there is none at all', async () => {
    expect(await codeOf(ask(new FakeCatalogue({}), 'createIndex', { body }))).toBe('MODEL_NOT_FOUND');
  });

  it.each([
    ['no examples', { examples: [] }],
    ['a name with a dot', { name: 'a.b' }],
    ['a path of its own', { indexes: '/tmp' }],
    ['a million views', { features: { losses: [{ name: 'simclr', views: 1e6 }] } }],
    ['a billion landmarks', { features: { projection: { kind: 'nystrom', landmarks: 1e9 } } }],
    ['a wide projection', { features: { projection: { kind: 'dense', width: 1e6 } } }],
    ['0 dimensions', { dims: 0 }],
    ['too many dimensions', { dims: 4097 }],
    ['another metric', { metric: 'dot' }],
    ['another reducer', { reducer: { kind: 'ica' } }],
    ['a share above 1', { reducer: { kind: 'blend', shares: { vote: 2 } } }],
    ['another policy', { ifExists: 'resume' }],
    ['an unknown loss', { features: { losses: [{ name: 'mse' }] } }],
  ])('refuses %s', async (_, change) => {
    const catalogue = new FakeCatalogue();
    expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, ...change } }))).toBe('INVALID_REQUEST');
    expect(catalogue.builds).toEqual([]);
  });

  it.each([
    ['a loss of images', { losses: [{ name: 'dino' }] }],
    ['a setting of another loss', { losses: [{ name: 'kl', views: 3 }] }],
    ['a loss twice', { losses: [{ name: 'kl' }, { name: 'kl' }] }],
  ])('refuses %s before the build', async (_, features) => {
    const catalogue = new FakeCatalogue();
    expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, features } }))).toBe('INVALID_ARGUMENT');
    expect(catalogue.builds).toEqual([]);
  });

  it('refuses a distance that a blend has not before the build', async () => {
    const catalogue = new FakeCatalogue();
    const change = { reducer: { kind: 'blend' }, metric: 'l2' };
    expect(await codeOf(ask(catalogue, 'createIndex', { body: { ...body, ...change } }))).toBe('INVALID_ARGUMENT');
    expect(catalogue.builds).toEqual([]);
  });

  it.each([
    ['a blank text', { input: ' ' }, 'INVALID_TEXT'],
    ['NUL in a label', { label: 'a\0' }, 'INVALID_DATA'],
    ['NUL in an id', { id: 'a\0' }, 'INVALID_DATA'],
  ])('refuses an example with %s before the build', async (_, change, code) => {
    const catalogue = new FakeCatalogue();
    const bad = { ...body, examples: [...examples, { ...examples[0], ...change }] };
    expect(await codeOf(ask(catalogue, 'createIndex', { body: bad }))).toBe(code);
    expect(catalogue.builds).toEqual([]);
  });

  it('hands on what was asked for', async () => {
    const catalogue = new FakeCatalogue();
    const options = {
      dims: 64,
      metric: 'cosine',
      reducer: { kind: 'blend', shrinkage: 0.2, shares: { vote: 0.9 } },
      ifExists: 'replace',
      features: { losses: [{ name: 'simclr', views: 4 }] },
    };
    await ask(catalogue, 'createIndex', { body: { ...body, ...options } });
    expect(catalogue.builds).toMatchObject([{ ...body, encoder: 'owner/letters', ...options }]);
  });
});

describe('looking at indexes', () => {
  it('lists them in every state', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('ready', examples);
    const progress = { stage: 'features', done: 1, total: 2, unit: 'rows' as const };
    catalogue.others.set('building', { state: 'building', name: 'building', progress });
    const error = new FungiError('INDEX_CORRUPT', '/srv/indexes/failed/manifest.json is missing');
    catalogue.others.set('failed', { state: 'failed', name: 'failed', error });
    const bad = new FungiError('INVALID_DATA', 'example 3: no');
    catalogue.others.set('refused', { state: 'failed', name: 'refused', error: bad });
    catalogue.others.set('wild', { state: 'failed', name: 'wild', error: new Error('/srv/secret') });
    const { indexes } = await askJson(catalogue, 'listIndexes');
    expect(indexes).toEqual([
      { name: 'building', state: 'building', progress },
      { name: 'failed', state: 'failed', error: { code: 'INDEX_CORRUPT' } },
      expect.objectContaining({
        name: 'ready',
        state: 'ready',
        rows: 1,
        dims: 4,
        metric: 'l2',
        modality: 'text',
      }) as object,
      { name: 'refused', state: 'failed', error: { code: 'INVALID_DATA', detail: 'example 3: no' } },
      { name: 'wild', state: 'failed', error: { code: 'INTERNAL' } },
    ]);
    expect(JSON.stringify(indexes)).not.toContain('/srv');
    expect(await askJson(catalogue, 'describeIndex', { path: { name: 'building' } })).toMatchObject({ progress });
  });

  it('describes rows and labels as they are now', async () => {
    const catalogue = new FakeCatalogue();
    const { selector } = await catalogue.put('desk', examples);
    await selector.add([{ input: 'ooo', label: 'os' }]);
    expect(await askJson(catalogue, 'describeIndex', { path: { name: 'desk' } })).toMatchObject({
      ...{
        rows: 2,
        builtRows: 1,
        choice: null,
        confidence: null,
        labels: ['as', 'os'],
        fingerprint: 'c'.repeat(64),
        libraryVersion: '0.1.0',
      },
    });
    expect(await codeOf(ask(catalogue, 'describeIndex', { path: { name: 'none' } }))).toBe('INDEX_NOT_FOUND');
  });

  it.each([
    ['sentence-transformers/all-MiniLM-L6-v2', 'sentence-transformers/all-MiniLM-L6-v2'],
    ['minilm', 'minilm'],
    ['/srv/models/secret-place/minilm', 'minilm'],
    ['./models/minilm/', 'minilm'],
    ['../minilm', 'minilm'],
    ['models/deep/minilm', 'minilm'],
    ['C:\\models\\minilm', 'minilm'],
    ['/', 'unnamed'],
  ])('calls an encoder by its id or the end of its path: %s', (id, name) => {
    expect(encoderName({ id })).toBe(name);
  });
});

describe('removing an index', () => {
  it('leaves none', async () => {
    const catalogue = new FakeCatalogue();
    await catalogue.put('desk', examples);
    expect(await ask(catalogue, 'deleteIndex', { path: { name: 'desk' } })).toEqual({ kind: 'empty', status: 204 });
    expect(await codeOf(ask(catalogue, 'deleteIndex', { path: { name: 'desk' } }))).toBe('INDEX_NOT_FOUND');
  });
});
