/** An index of pictures that lie in files of the server, asked with pictures that clients send. */
import { readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SelectionExplanation } from '../../../src/policies/explanation.js';
import { FungiSelector } from '../../../src/selector/selector.js';
import { TinyImages } from '../../support/tiny-images.js';
import { ask, askJson, codeOf } from './ask.js';
import { FakeCatalogue } from './fake-catalogue.js';

let images: TinyImages;
let files: string[];
let selector: FungiSelector;
let catalogue: FakeCatalogue;

beforeAll(async () => {
  images = await TinyImages.create();
  files = await Promise.all(Array.from({ length: 12 }, (_, i) => images.picture(i)));
  selector = await FungiSelector.build({
    ...{ name: 'pictures', indexes: join(images.folder, 'indexes'), encoder: images.model, dims: 4 },
    features: { losses: [{ name: 'kl' }], projection: { kind: 'khatri-rao', width: 16 } },
    sources: { cacheDir: join(images.folder, 'cache'), offline: true },
    examples: files.slice(0, 10).map((input, i) => ({ id: `p${i}`, input, label: i % 2 === 0 ? 'even' : 'odd' })),
  });
  catalogue = new FakeCatalogue();
  catalogue.hold(selector);
});
afterAll(async () => {
  await selector.close();
  await images.remove();
});

const path = { name: 'pictures' };
const sent = async (number: number): Promise<string> =>
  `data:image/png;base64,${(await readFile(files[number]!)).toString('base64')}`;

describe('an index of pictures', () => {
  it('finds the picture that was sent among its files, and names none of them', async () => {
    const reply = await askJson(catalogue, 'retrieve', { path, body: { query: await sent(3), k: 3 } });
    const [nearest] = reply['examples'] as { id: string; distance: number; input: unknown }[];
    expect(nearest).toMatchObject({ id: 'p3', input: null });
    expect(nearest!.distance).toBeCloseTo(0, 4);
    expect(JSON.stringify(reply)).not.toContain(images.folder);
  });

  it('shows pictures in a prompt, and no path', async () => {
    const reply = await askJson(catalogue, 'prompt', { path, body: { query: await sent(3), k: 2, template: 'turns' } });
    const messages = JSON.stringify(reply['messages']);
    expect(messages.match(/"image_url":\{"url":"data:image\/\w+;base64,/g)).toHaveLength(3);
    expect(JSON.stringify(reply)).not.toContain(images.folder);
  });

  it.each(['retrieve', 'prompt', 'answer'])('explains by blocks from its files, %s', async (operation) => {
    const body = { query: await sent(3), k: 10, explain: 'blocks' };
    const explained = await askJson(catalogue, operation, { path, body });
    const [nearest] = (explained['explanation'] as SelectionExplanation).chosen;
    expect(nearest).toMatchObject({ id: 'p3', split: { before: expect.closeTo(0, 4) as number } });
    expect(JSON.stringify(explained)).not.toContain(images.folder);
    await rename(files[5]!, `${files[5]}.away`);
    try {
      const error = await ask(catalogue, operation, { path, body }).catch((failure: unknown) => failure);
      expect(error).toMatchObject({
        code: 'INDEX_CORRUPT',
        message: 'index "pictures": the image or sound of example "p5" is missing or damaged',
      });
    } finally {
      await rename(`${files[5]}.away`, files[5]!);
    }
  });

  it('describes itself without the folders it lies in', async () => {
    const reply = await askJson(catalogue, 'describeIndex', { path });
    expect(reply).toMatchObject({ modality: 'image', encoder: 'model', rows: 10 });
    expect(JSON.stringify(reply)).not.toContain(images.folder);
  });

  it('takes pictures that are sent, embeds them, and gives them back', async () => {
    const input = await sent(11);
    await askJson(catalogue, 'addExamples', { path, body: { examples: [{ id: 'new', input, label: 'odd' }] } });
    const reply = await askJson(catalogue, 'retrieve', { path, body: { query: input, k: 1 } });
    expect(reply['examples']).toMatchObject([{ id: 'new', input }]);
    const { vectors } = await selector.embed([input]);
    const embedded = await askJson(catalogue, 'createEmbedding', { body: { model: 'pictures', input } });
    expect(embedded).toMatchObject({ data: [{ embedding: [...vectors[0]!] }], usage: { prompt_tokens: 1 } });
  });

  it.each([
    ['no picture', `data:image/png;base64,${Buffer.from('no picture').toString('base64')}`],
    [
      'SVG',
      `data:image/svg+xml;base64,${Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>').toString('base64')}`,
    ],
    ['no base64', 'data:image/png;base64,***'],
    ['nothing', 'data:image/png;base64,'],
  ])('refuses %s', async (_, query) => {
    for (const operation of ['retrieve', 'prompt', 'answer']) {
      expect(await codeOf(ask(catalogue, operation, { path, body: { query } }))).toBe('INVALID_MEDIA');
    }
  });

  it('never opens a file for a client, one of its own pictures either', async () => {
    for (const query of [files[3]!, `file://${files[3]!}`]) {
      expect(await codeOf(ask(catalogue, 'retrieve', { path, body: { query } }))).toBe('INVALID_MEDIA');
    }
  });
});
