/** The tiny BERT as a feature extractor with both losses; items are ids, and a "word" of a view is an id. */
import type { Pooling } from '../../src/encoders/encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import { Rng } from '../../src/core/rng.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { featureSpec, type FeatureSpec } from '../../src/features/spec.js';
import { fixture } from './golden.js';
import { idEncoder } from './id-encoder.js';

/** 24 items of 3 to 30 ids, some of them equal. */
export const tinyPool: readonly string[] = Array.from({ length: 24 }, (_, i) => {
  const rng = Rng.stream(5, 'tiny pool', i % 22);
  return ['2', ...Array.from({ length: 1 + rng.int(28) }, () => String(5 + rng.int(50))), '3'].join(' ');
});

export function tinySpec(projection: FeatureSpec['projection']['kind']): FeatureSpec {
  return featureSpec({
    seed: 3,
    losses: [
      { name: 'kl', latent: 24 },
      { name: 'simclr', latent: 16, views: 4, negativeItems: 6, negativeViews: 2, deletion: 0.2 },
    ],
    projection:
      projection === 'nystrom' ? { kind: projection, landmarks: 12, rank: 2 } : { kind: projection, width: 20 },
  });
}

export async function tinyExtractor(pooling: Pooling, projection: FeatureSpec['projection']['kind']) {
  const engine = await createEngine(idEncoder(fixture('fungi/tiny-bert/op17-erf.onnx'), pooling));
  const spec = tinySpec(projection);
  const artefacts = await buildArtefacts(engine, spec, tinyPool);
  return {
    engine,
    spec,
    artefacts,
    extractor: await FeatureExtractor.create(engine, spec, artefacts),
  };
}
