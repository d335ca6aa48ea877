/** An index says which layer and which output its features come from, in words that mean one thing in any model file. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Encoder } from '../../src/encoders/encoder.js';
import { buildIndex } from '../../src/selector/build-index.js';
import { openFeaturizer } from '../../src/selector/open-featurizer.js';
import { openIndex } from '../../src/selector/open-index.js';
import type { BuildOptions } from '../../src/selector/options.js';
import { EditedModels, HIDDEN, TINY_WIDTH } from '../support/edited-model.js';
import { idEncoder } from '../support/id-encoder.js';
import { tinyPool } from '../support/tiny-extractor.js';

let models: EditedModels;
let indexes: string;
beforeAll(async () => {
  models = await EditedModels.create();
  indexes = await mkdtemp(join(tmpdir(), 'fungi-layers-'));
});
afterAll(() => Promise.all([models.remove(), rm(indexes, { recursive: true })]));

const encoderOf = (path: string): Encoder => ({
  ...idEncoder(path, 'first'),
  modelSha256: 'a'.repeat(64),
  preprocessorSha256: 'b'.repeat(64),
});

const examples = tinyPool.map((input, i) => ({ id: `r${i}`, input, label: i % 2 === 0 ? 'even' : 'odd' }));

/** Builds an index and opens it again from its manifest alone; features of both. */
async function reopened(name: string, path: string, choice: Pick<BuildOptions, 'target' | 'output'>) {
  const encoder = encoderOf(path);
  const features = {
    losses: [{ name: 'kl' as const, latent: 24 }],
    projection: { kind: 'khatri-rao' as const, width: 8 },
  };
  const built = await buildIndex({ name, indexes, encoder, examples, features, dims: 4, ...choice });
  const before = await built.featurizer.extractor.extract(tinyPool.slice(0, 3));
  const { target, output } = built.featurizer.engine.info;
  expect(built.manifest.encoder).toMatchObject({ target: target.tensor, output });
  await built.store.close();
  await built.featurizer.close();
  const opened = await openIndex({ name, indexes, encoder }, openFeaturizer);
  const after = await opened.featurizer.extractor.extract(tinyPool.slice(0, 3));
  expect(opened.featurizer.engine.info).toEqual(built.featurizer.engine.info);
  expect([...after.rows]).toEqual([...before.rows]);
  await opened.store.close();
  await opened.featurizer.close();
  return opened.featurizer.engine.info;
}

describe('an index is opened again with the layer it was built with', () => {
  it('when nodes have no names', async () => {
    const path = await models.write(({ graph }) => {
      for (const node of graph.node) node.name = '';
    });
    expect((await reopened('nameless', path, {})).target.inFeatures).toBe(TINY_WIDTH);
  });

  it('when nodes have no names and the layer was named by its weight', async () => {
    let weight = '';
    const path = await models.write(({ graph }) => {
      for (const node of graph.node) node.name = '';
      const wide = graph.initializer.filter(({ dims }) => dims.join() === `${TINY_WIDTH},${2 * TINY_WIDTH}`);
      weight = wide.at(-1)!.name;
    });
    // The first layer of the last MLP: not the one that the search would find.
    expect((await reopened('weight', path, { target: weight })).target.outFeatures).toBe(2 * TINY_WIDTH);
  });

  it('and with the output that was named', async () => {
    const path = await models.write((edit) => {
      edit.node('Neg', [HIDDEN], 'negated');
      edit.outputs(...[HIDDEN, 'negated'].map((name) => ({ name, shape: ['batch', 'tokens', TINY_WIDTH] })));
    });
    expect((await reopened('negated', path, { output: 'negated' })).output).toBe('negated');
  });
});
