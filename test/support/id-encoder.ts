/** An encoder whose items are token ids written out ("1 5 9"): the golden fixtures state ids, not texts. */
import { asText } from '../../src/core/content.js';
import type { Encoder, Pooling, Prepared } from '../../src/encoders/encoder.js';
import { int64, type Feeds } from '../../src/runtime/session.js';

interface PreparedIds extends Prepared {
  readonly ids: readonly number[];
}

interface IdEncoder extends Encoder<PreparedIds> {
  collate(batch: readonly PreparedIds[], names: readonly string[]): Feeds;
}

export const asItem = (ids: readonly number[]): string => ids.join(' ');

/** @param pad the id that fills shorter items up: RoBERTa counts positions by it */
export function idEncoder(modelPath: string, pooling: Pooling, pad = 0): IdEncoder {
  const prepare = (items: readonly string[]): PreparedIds[] =>
    items.map((item) => {
      const ids = item.split(' ').map(Number);
      return { ids, tokens: ids.length, truncated: false };
    });
  return {
    id: 'ids',
    modality: 'text',
    modelPath,
    modelSha256: '',
    preprocessorSha256: '',
    pooling,
    maxTokens: 40,
    identify: (items) => Promise.resolve(items),
    open: (items) => Promise.resolve(items),
    prepare: (views) => prepare(views.map(asText)),
    probe: () => prepare(['2 5 7 9 3', '2 11 3']) as [PreparedIds, PreparedIds],
    collate(batch, names): Feeds {
      const length = Math.max(...batch.map((item) => item.tokens));
      const shape = [batch.length, length];
      const ids = new BigInt64Array(batch.length * length).fill(BigInt(pad));
      const mask = new BigInt64Array(batch.length * length);
      batch.forEach((item, row) => {
        item.ids.forEach((id, t) => {
          ids[row * length + t] = BigInt(id);
          mask[row * length + t] = 1n;
        });
      });
      const feeds: Feeds = {
        input_ids: int64(ids, shape),
        attention_mask: int64(mask, shape),
        token_type_ids: int64(new BigInt64Array(batch.length * length), shape),
      };
      return Object.fromEntries(names.map((name) => [name, feeds[name]!]));
    },
  };
}
