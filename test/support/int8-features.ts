/** Features of a model folder, in int8 or as it is: of this process, and of another that runs int8-child.ts. */
import { readConfig } from '../../src/core/config.js';
import { loadTextEncoder } from '../../src/encoders/text-encoder.js';
import type { Pooling } from '../../src/encoders/encoder.js';
import { createEngine } from '../../src/engine/create-engine.js';
import type { Precision } from '../../src/engine/import-options.js';
import { buildArtefacts } from '../../src/features/artefacts.js';
import { FeatureExtractor } from '../../src/features/extractor.js';
import { featureSpec } from '../../src/features/spec.js';

/** Of 3 to 32 tokens. */
export const TEXTS = [
  ...['the cat sat', 'a', 'dogs', 'a b c d the cat sat a b c', 'the dog sat', 'cats', 'c d a dog'],
  Array.from({ length: 30 }, (_, i) => ['a', 'b', 'the', 'cat', 'dogs', 'sat', 'd'][(i * i) % 7]!).join(' '),
];

/** The projection is drawn from the seed: features of one model and another can be compared. */
const SPEC = featureSpec({ seed: 3, losses: [{ name: 'kl' }], projection: { kind: 'dense', width: 48 } });

export interface Int8Features {
  /** One a text: what the encoder leaves behind. */
  readonly states: readonly Float32Array[];
  /** One a text. */
  readonly features: readonly Float32Array[];
}

/** @param batches the texts, those together that are encoded at once */
export async function int8Features(
  folder: string,
  cacheDir: string,
  pooling: Pooling,
  { precision = 'int8', batches = [TEXTS] }: { precision?: Precision; batches?: readonly (readonly string[])[] } = {},
): Promise<Int8Features> {
  const encoder = await loadTextEncoder(folder, { ...readConfig({}), cacheDir, offline: true, pooling });
  const engine = await createEngine(encoder, { cacheDir, precision, threads: 1 });
  try {
    const extractor = await FeatureExtractor.create(engine, SPEC, await buildArtefacts(engine, SPEC, TEXTS));
    const [states, features]: [Float32Array[], Float32Array[]] = [[], []];
    for (const batch of batches) {
      const { offsets, widths, tensors } = await engine.encode(batch);
      const { rows } = await extractor.extract(batch);
      batch.forEach((_, i) => {
        const parts = tensors.map((tensor, k) =>
          tensor.subarray(offsets[i]! * widths[k]!, offsets[i + 1]! * widths[k]!),
        );
        states.push(Float32Array.from(parts.flatMap((part) => [...part])));
        features.push(rows.subarray((i * rows.length) / batch.length, ((i + 1) * rows.length) / batch.length));
      });
    }
    return { states, features };
  } finally {
    await engine.close();
  }
}
