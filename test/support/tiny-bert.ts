/** The expected values of the tiny BERT fixtures, and its heads and negatives as the engine takes them. */
import type { Pooling } from '../../src/encoders/encoder.js';
import type { Artefacts } from '../../src/engine/engine.js';
import type { Mode } from '../../src/losses/loss.js';
import { readGolden, values, type GoldenArray } from './golden.js';

export interface GradientCase {
  readonly hiddenAct: string;
  readonly pooling: Pooling;
  readonly loss: 'kl' | 'simclr';
  readonly mode: Mode;
  readonly temperature: number;
  readonly value: GoldenArray;
  readonly gradient: GoldenArray;
  readonly projected: GoldenArray;
}

interface TinyBert {
  readonly texts: readonly (readonly number[])[];
  readonly views: readonly (readonly (readonly number[])[])[];
  readonly heads: Record<'kl' | 'simclr', { weight: GoldenArray; bias: GoldenArray }>;
  readonly negatives: GoldenArray;
  readonly projection: GoldenArray;
  readonly encoders: readonly {
    hiddenAct: string;
    lastHiddenState: GoldenArray[];
    pooled: Record<Pooling, GoldenArray>;
  }[];
  readonly cases: readonly GradientCase[];
  readonly features: readonly unknown[];
}

export const tinyBert = readGolden('fungi/tiny-bert/expected.json') as TinyBert;

/** [rows,columns] transposed: the fixtures keep heads as [L,D], the engine as [D,L]. */
export function transposed(matrix: GoldenArray): Float32Array {
  const [rows, columns] = matrix.shape as [number, number];
  const data = values(matrix);
  return Float32Array.from({ length: rows * columns }, (_, i) => data[(i % rows) * columns + Math.floor(i / rows)]!);
}

export function tinyBertArtefacts(loss: 'kl' | 'simclr'): Artefacts {
  const { weight, bias } = tinyBert.heads[loss];
  const { negatives } = tinyBert;
  return {
    [`${loss}.head.weight`]: { data: transposed(weight), shape: weight.shape.toReversed() },
    [`${loss}.head.bias`]: { data: Float32Array.from(values(bias)), shape: bias.shape },
    ...(loss === 'simclr' && {
      'simclr.negatives': { data: transposed(negatives), shape: negatives.shape.toReversed() },
    }),
  };
}
