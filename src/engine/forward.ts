/** The tail as far as it is an ordinary computation: target layer, rest of the encoder, pooling, loss. */
import type { GraphBuilder } from '../onnx/builder.js';
import { ATTENTION_MASK } from '../onnx/cut.js';
import { ops } from '../onnx/ops.js';
import type { Loss } from '../losses/loss.js';
import type { ImportedEncoder } from './imported-encoder.js';

/** Names of the tail's inputs besides the boundary's own and the artefacts'. */
export const POOLING = 'fungi.pooling';
/** Where an item has several views: `views` [B·V,U] takes rows to views, `items` [B,U] adds up the rows of an item. */
export const ROWS = { views: 'fungi.views', items: 'fungi.items' } as const;

export interface Forward {
  /** Pooling weights [U,A,1]. */
  readonly weights: string;
  /** f(x) [B·V,D]. */
  readonly pooled: string;
  /** [B] */
  readonly loss?: string;
}

/**
 * Shapes below: B items of V views in U rows (equal views of an item share a row, U = B where V = 1), A tokens (those that pooling reads, where sliced).
 */
export function writeForward(g: GraphBuilder, encoder: ImportedEncoder, loss?: Loss): Forward {
  const tokens = loss?.needs === 'tokens' ? 1 : (encoder.slice ?? 'tokens');
  for (const { name, width } of encoder.boundary) g.input(name, 'float32', ['rows', tokens, width]);
  if (encoder.tail.masked) g.input(ATTENTION_MASK, 'int64', ['rows', tokens]);
  const weights = g.input(POOLING, 'float32', ['rows', tokens, 1]);
  for (const node of encoder.tail.nodes) {
    g.adopt(node, encoder.tail.initializers);
    g.append(node);
  }
  const { mul, sum, matmul, reshape } = ops(g);
  const { dims } = encoder;
  // A vector an item comes through any weights of its own tokens unchanged: they sum to 1.
  const states = encoder.vector
    ? reshape(g.annotate(encoder.output, 'float32', ['rows', dims]), [-1, 1, dims])
    : encoder.output;
  const rows = sum(mul(states, weights), [1]); // [U,D]
  if (loss === undefined) return { weights, pooled: rows };

  const pooled = loss.views > 1 ? matmul(g.input(ROWS.views, 'float32', ['views', 'rows']), rows) : rows; // [B·V,D]
  const names = Object.entries(loss.artefacts(dims)).map(
    ([name, shape]) => [name, g.input(`${loss.name}.${name}`, 'float32', shape)] as const,
  );
  const features = g.annotate(reshape(pooled, [-1, loss.views, dims]), 'float32', ['items', loss.views, dims]);
  return { weights, pooled, loss: loss.write(g, features, Object.fromEntries(names)) };
}
