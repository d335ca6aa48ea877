/** The whole way of a feature, FeatureExtractor and all, against PyTorch: with the fixture's heads, negatives, projection and views. */
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../src/engine/create-engine.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import type { FeatureArtefacts } from '../../src/features/frozen.js';
import { asText } from '../../src/core/content.js';
import { viewsOf } from '../../src/features/loss-spec.js';
import { featureSpec, type FeatureSpec } from '../../src/features/spec.js';
import { fixture, relativeError, values } from '../support/golden.js';
import { asItem, idEncoder } from '../support/id-encoder.js';
import {
  tinyBert,
  tinyBertArtefacts,
  tinyBertDirections,
  TINY_PROJECTED as M,
  type FeatureCase,
} from '../support/tiny-bert.js';

const FILES: Record<string, string> = { gelu: 'op17-erf', gelu_new: 'op17-tanh' };

function specOf({ mode, losses }: FeatureCase): FeatureSpec {
  const kl = { name: 'kl', latent: 24 } as const;
  const simclr = { name: 'simclr', latent: 16, views: 4, negativeItems: 6, negativeViews: 1 } as const;
  return featureSpec({
    mode,
    losses: losses.map((name) => (name === 'kl' ? kl : simclr)),
    projection: { kind: 'nystrom', landmarks: M },
  });
}

function artefactsOf({ losses }: FeatureCase): FeatureArtefacts {
  const directions = Object.entries(tinyBertDirections());
  return {
    tensors: Object.assign(
      {},
      ...losses.map((name) => ({
        ...tinyBertArtefacts(name),
        ...Object.fromEntries(directions.map(([part, tensor]) => [`${name}.${part}`, tensor])),
      })),
    ) as FeatureArtefacts['tensors'],
    widths: Object.fromEntries(losses.map((name) => [name, M])),
  };
}

/** Items of words that no two of their views leave out alike: what an encoder is asked for says which view of which item it is. */
const itemsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, item) => Array.from({ length: 30 }, (_, word) => `w${item}x${word}`).join(' '));

/** Fixture ids by the string that stands for them. */
function stringsOf(items: readonly string[], spec: FeatureSpec): Map<string, readonly number[]> {
  const strings = new Map(items.map((item, i) => [item, tinyBert.texts[i]!]));
  const simclr = spec.losses.find((loss) => loss.name === 'simclr');
  if (simclr === undefined) return strings;
  items.forEach((item, i) => {
    viewsOf(simclr, spec, {})
      .views(item)
      .forEach((view, v) => strings.set(asText(view), tinyBert.views[i]![v]!));
  });
  expect(strings.size).toBe(items.length * (1 + simclr.views));
  return strings;
}

const cases = tinyBert.features.map((c) => [`${c.hiddenAct} ${c.pooling} ${c.mode} ${c.losses.join('+')}`, c] as const);

describe('FeatureExtractor', () => {
  it.each(cases)('%s', async (_, testCase) => {
    const spec = specOf(testCase);
    const [count] = testCase.feature.shape as [number];
    const items = itemsOf(count);
    const strings = stringsOf(items, spec);
    const ids = idEncoder(fixture(`fungi/tiny-bert/${FILES[testCase.hiddenAct]!}.onnx`), testCase.pooling);
    const engine = await createEngine({
      ...ids,
      prepare: (asked) => ids.prepare(asked.map((item) => asItem(strings.get(asText(item))!))),
    });
    const extractor = await FeatureExtractor.create(engine, spec, artefactsOf(testCase));
    const { rows } = await extractor.extract(items);
    await engine.close();
    expect(relativeError(rows, values(testCase.feature))).toBeLessThan(1e-4);
  });
});
