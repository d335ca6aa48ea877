/** An encoder whose items are tensors of the media fixtures, named "items/0" or "views/1/2": the fixtures state tensors, no files. */
import { asText } from '../../src/core/content.js';
import type { Encoder, Pooling, Prepared } from '../../src/encoders/encoder.js';
import { float32, type Feeds } from '../../src/runtime/session.js';
import { values, type GoldenArray } from './golden.js';

/** What an encoder needs to know of a fixture. */
export interface MediaItems {
  /** The model's only input. */
  readonly input: string;
  /** Items are kept as whole multiples of 1/step. */
  readonly step: number;
  /** [2, …]; they begin alike. */
  readonly items: GoldenArray;
  /** [groups, views, …] */
  readonly views: GoldenArray;
}

interface PreparedTensor extends Prepared {
  readonly data: Float32Array;
}

interface MediaEncoder extends Encoder<PreparedTensor> {
  collate(batch: readonly PreparedTensor[]): Feeds;
}

/** @param tokens of every item, as the encoder tells it; the engine finds out where it is another number */
export function mediaEncoder(modelPath: string, media: MediaItems, pooling: Pooling, tokens = 1): MediaEncoder {
  const shape = media.items.shape.slice(1);
  const size = shape.reduce((a, b) => a * b, 1);
  const all = { items: values(media.items), views: values(media.views) };
  const prepare = (names: readonly string[]): PreparedTensor[] =>
    names.map((name) => {
      const [kind, ...at] = name.split('/');
      const place = kind === 'items' ? Number(at[0]) : Number(at[0]) * media.views.shape[1]! + Number(at[1]);
      const own = all[kind as 'items' | 'views'].subarray(place * size, (place + 1) * size);
      return { data: Float32Array.from(own, (value) => value / media.step), tokens, truncated: false };
    });
  return {
    id: 'media',
    modality: 'image',
    modelPath,
    modelSha256: '',
    preprocessorSha256: '',
    pooling,
    maxTokens: tokens,
    identify: (names) => Promise.resolve(names),
    open: (names) => Promise.resolve(names),
    prepare: (views) => prepare(views.map(asText)),
    probe: () => prepare(['items/0', 'items/1']) as [PreparedTensor, PreparedTensor],
    collate(batch) {
      const data = new Float32Array(batch.length * size);
      batch.forEach((item, row) => {
        data.set(item.data, row * size);
      });
      return { [media.input]: float32(data, [batch.length, ...shape]) };
    },
  };
}
