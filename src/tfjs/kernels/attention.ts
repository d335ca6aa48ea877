/** Self-attention as onnxruntime's optimiser fuses it into one node (com.microsoft.Attention). */
import type { Kernel, NodeCall } from '../node-call.js';
import type { TfTensor } from '../tensorflow.js';
import { matMul } from './products.js';
import { softmax } from './softmax.js';

/** 1 for a key that counts, [items, keys]: given as such, or as each item's end, with or without its start. */
function keyMask(c: NodeCall, mask: TfTensor, items: number, keys: number): TfTensor {
  if (mask.rank === 2) return mask;
  if (mask.rank !== 1 || mask.size > 2 * items) c.unsupported(`a mask of shape [${mask.shape.join()}]`);
  const bounds = mask.dataSync();
  const inside = Array.from({ length: items * keys }, (_, i) => {
    const [item, key] = [Math.floor(i / keys), i % keys];
    return key < bounds[item]! && key >= (bounds[items + item] ?? 0);
  });
  return c.tf.tensor(inside, [items, keys], 'bool');
}

/** Added to the scores: the filter value where a key is padding, or comes later in a unidirectional model. */
function masked(c: NodeCall, scores: TfTensor): TfTensor {
  const { tf } = c;
  const [mask, bias] = [c.inputs[3], c.inputs[5]];
  const filter = c.float('mask_filter_value', -10000);
  const [queries, keys] = scores.shape.slice(-2) as [number, number];
  let out = scores;
  if (mask !== undefined) {
    const padding = tf.sub(1, tf.cast(keyMask(c, mask, scores.shape[0], keys), 'float32'));
    out = tf.add(out, tf.reshape(tf.mul(padding, filter), [-1, 1, 1, keys]));
  }
  if (c.int('unidirectional', 0) === 1) {
    const later = Array.from({ length: queries * keys }, (_, i) => (i % keys > Math.floor(i / keys) ? filter : 0));
    out = tf.add(out, tf.tensor(later, [queries, keys]));
  }
  return bias === undefined ? out : tf.add(out, bias);
}

/** input [B,T,I], weights [I,3H] and bias [3H] of queries, keys and values beside each other → [B,T,H]. */
function attention(c: NodeCall): TfTensor {
  const { tf } = c;
  if (c.inputs[4] !== undefined || c.has('qkv_hidden_sizes')) c.unsupported('past keys and sizes of its own are not');
  const heads = c.int('num_heads', 1);
  const product = matMul(tf, c.input(0), c.input(1));
  const all = c.inputs[2] === undefined ? product : tf.add(product, c.inputs[2]);
  const [items, tokens, width] = all.shape as [number, number, number];
  const size = width / 3 / heads;
  const split = tf.transpose(tf.reshape(all, [items, tokens, 3, heads, size]), [2, 0, 3, 1, 4]);
  const [q, k, v] = [0, 1, 2].map((i) =>
    tf.reshape(tf.slice(split, [i, 0, 0, 0, 0], [1, -1, -1, -1, -1]), [items, heads, tokens, size]),
  ) as [TfTensor, TfTensor, TfTensor];
  const scale = c.float('scale', 0) || 1 / Math.sqrt(size);
  const scores = masked(c, tf.mul(matMul(tf, q, tf.transpose(k, [0, 1, 3, 2])), scale));
  const mixed = matMul(tf, softmax(tf, scores, [3]), v);
  return tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [items, tokens, heads * size]);
}

/** Of the domain com.microsoft. */
export const fusedAttention = { Attention: attention } satisfies Record<string, Kernel>;
